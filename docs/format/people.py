"""Whose the signing keys are, and what intakes were closed with, for reader.py; from disclosure.md, Persons and Intakes."""

from events import count, hex64, read_line, text
from notes import need


class Persons:
    """The persons that a package shows, and the keys that they registered."""

    def __init__(self, origin, in_log):
        self.origin, self.in_log, self.known = origin, in_log, {}

    def bind(self, opened, index):
        """A signature of a person who is there is by the key that was registered last below `index`."""
        person = opened.get("actor")
        if self.origin is None or "signature" not in opened or not text(person) or person not in self.known:
            return
        before = [key for at, key in self.known[person] if index is None or at < index]
        need(before, f"is signed, and {person} had registered no key")
        need(before[-1] == opened["signature"]["key"], f"is signed with another key than {person} had registered")

    def read(self, data):
        need(data.endswith(b"\n"), "its last line has no line feed")
        chain, first, last, person, signed = None, -1, None, None, []
        for line in data[:-1].split(b"\n"):
            index, leaf, found, opened = read_line(line, self.origin)
            self.in_log(index, found)
            need(text(opened.get("person")), "does not open whose it is")
            if leaf["n"] == 0:
                person = opened["person"]
                member = person.partition("-P")[0]
                need(opened.get("kind") == "person_registered" and "-P" in person and opened.get("member") == member,
                     "is not the registration of a person of a member")
                need(person not in self.known and index > first, f"{person} stands twice, or out of order")
                chain, first, self.known[person] = leaf["chain"], index, []
            else:
                need(leaf["chain"] == chain and leaf["n"] == last[0] + 1 and leaf["prev"] == last[2].hex() and index > last[1],
                     "does not follow the event before it")
                need(opened.get("kind") == "person_key_registered" and opened["person"] == person and hex64(opened.get("key")),
                     "is no registration of a key of this person")
                need(self.origin is None or "signature" in opened, "is not signed")
                self.known[person].append((index, opened["key"]))
            last = leaf["n"], index, found
            signed.append((opened, index))
        for opened, index in signed:
            own = (opened.get("actor"), opened.get("signature", {}).get("key")) == (opened["person"], opened.get("key"))
            self.bind(opened, index + own)


class Intakes:
    """The trees with which intakes were closed."""

    def __init__(self, origin, in_log):
        self.origin, self.in_log, self.by_act = origin, in_log, {}

    def read(self, folder, data, persons, tiles):
        lines = data.removesuffix(b"\n").split(b"\n")
        need(len(lines) == 2, "does not have the two lines of opening and closing")
        (begin, one, found, opened), (end, two, last, closed) = (read_line(line, self.origin) for line in lines)
        self.in_log(begin, found)
        self.in_log(end, last)
        need((opened.get("kind"), closed.get("kind")) == ("intake_opened", "intake_closed"), "is no opening and closing")
        need(one["chain"] == two["chain"] and one["n"] == 0 and begin < end, "its events are not of one intake")
        need(text(opened.get("member")) and count(opened.get("intake")), "does not open which intake it is")
        need(folder == f"{opened['member']}-{opened['intake']:06}", "its events are of another intake")
        persons.bind(opened, begin)
        persons.bind(closed, end)
        items = closed.get("items")
        need(isinstance(items, dict) and hex64(items.get("root")) and count(items.get("size")), "does not open its tree")
        need(text(opened.get("event")) and opened["event"] not in self.by_act, "the intake stands twice")
        tree = tiles(items["size"], bytes.fromhex(items["root"]))
        self.by_act[opened["event"]] = (folder, tree, begin, end, set())

    def hold(self, act, place, index, leaf):
        """The event of an exhibit stands at its place in the tree of the intake that its `act` names."""
        if place is None:
            return
        need(text(act) and act in self.by_act, "its intake is not shown, and its place in it is")
        _, tree, begin, end, places = self.by_act[act]
        places.add(place)
        need(begin < index < end, "does not stand between the opening and the closing of its intake")
        need(place < tree.size and tree.hash_at(0, place) == leaf, "is not among the items with which its intake was closed")

    def left_over(self):
        for folder, tree, _, _, places in self.by_act.values():
            if not places:
                yield folder, "is of an intake that no exhibit here is of"
            elif tree.tiles.keys() != tree.needed(places):
                yield folder, "does not have the tiles that it must have, and no others"
