// Judges an exported log with Go's own note and tlog packages: the checkpoint's signature, the inclusion of leaves,
// consistency with an older checkpoint and with smaller trees, and that every leaf bundle hashes to its tile.
//
//	judge LOG KEYS [OLDER-CHECKPOINT]
//
// One line a check; the exit code is 1 when any fails. Built from Debian's golang-golang-x-mod-dev, offline.
package main

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var failed bool

func check(name string, err error) {
	if err != nil {
		failed = true
		fmt.Printf("FAIL %s: %v\n", name, err)
		return
	}
	fmt.Printf("ok   %s\n", name)
}

func stop(err error) {
	fmt.Printf("FAIL %v\n", err)
	os.Exit(1)
}

// tileName is the path of tlog-tiles; Go's own has the tile height in it.
func tileName(level string, number int64, width int) string {
	name := fmt.Sprintf("%03d", number%1000)
	for number >= 1000 {
		number /= 1000
		name = fmt.Sprintf("x%03d/%s", number%1000, name)
	}
	name = "tile/" + level + "/" + name
	if width < 256 {
		name += ".p/" + strconv.Itoa(width)
	}
	return name
}

type folder string

func (f folder) Height() int { return 8 }

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		name := tileName(strconv.Itoa(tile.L), tile.N, tile.W)
		data, err := os.ReadFile(filepath.Join(string(f), name))
		if err != nil && tile.W < 256 {
			// The tree reader may ask for a part of what is now a wider tile.
			data, err = widest(filepath.Join(string(f), strings.Split(name, ".p/")[0]), tile.W)
		}
		if err != nil {
			return nil, err
		}
		if len(data) < tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", name, len(data))
		}
		all = append(all, data[:tile.W*tlog.HashSize])
	}
	return all, nil
}

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func widest(base string, width int) ([]byte, error) {
	if data, err := os.ReadFile(base); err == nil {
		return data, nil
	}
	for w := width; w < 256; w++ {
		if data, err := os.ReadFile(base + ".p/" + strconv.Itoa(w)); err == nil {
			return data, nil
		}
	}
	return nil, fmt.Errorf("%s: no tile of %d hashes or more", base, width)
}

func leaves(root string, size int64) ([][]byte, error) {
	var all [][]byte
	for first := int64(0); first < size; first += 256 {
		width := 256
		if size-first < 256 {
			width = int(size - first)
		}
		name := tileName("entries", first/256, width)
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return nil, err
		}
		count := 0
		for len(data) > 0 {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return nil, fmt.Errorf("%s is cut off", name)
			}
			length := int(binary.BigEndian.Uint16(data))
			all = append(all, data[2:2+length])
			data = data[2+length:]
			count++
		}
		if count != width {
			return nil, fmt.Errorf("%s holds %d leaves, not %d", name, count, width)
		}
	}
	return all, nil
}

func open(path string, verifiers note.Verifiers) (tlog.Tree, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, err
	}
	signed, err := note.Open(data, verifiers)
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] != signed.Sigs[0].Name {
		return tlog.Tree{}, fmt.Errorf("%s: not origin, size and root: %q", path, signed.Text)
	}
	// tlog.ParseTree wants the origin of Go's own database; the rest of the format is the same.
	return tlog.ParseTree([]byte("go.sum database tree\n" + lines[1] + "\n" + lines[2] + "\n"))
}

func main() {
	if len(os.Args) < 3 {
		fmt.Println("use: judge LOG KEYS [OLDER-CHECKPOINT]")
		os.Exit(2)
	}
	root, keys := os.Args[1], os.Args[2]
	data, err := os.ReadFile(keys)
	if err != nil {
		stop(err)
	}
	var verifiers []note.Verifier
	for _, line := range strings.Split(string(data), "\n") {
		if words := strings.Fields(line); len(words) >= 2 && words[0] == "log" {
			// This package knows Ed25519 only: it refuses to read the other key, and ignores its signature.
			if verifier, err := note.NewVerifier(words[1]); err == nil {
				verifiers = append(verifiers, verifier)
			}
		}
	}
	if len(verifiers) != 1 {
		stop(fmt.Errorf("%s: %d keys that Go can read, not 1", keys, len(verifiers)))
	}
	trusted := note.VerifierList(verifiers...)
	tree, err := open(filepath.Join(root, "checkpoint"), trusted)
	check("checkpoint is signed", err)
	if err != nil {
		os.Exit(1)
	}

	reader := tlog.TileHashReader(tree, folder(root))
	entries, err := leaves(root, tree.N)
	check(fmt.Sprintf("leaf bundles of %d leaves", tree.N), err)
	if err != nil {
		os.Exit(1)
	}

	dice := rand.New(rand.NewSource(tree.N))
	picked := []int64{0, tree.N - 1}
	for i := 0; i < 200 && tree.N > 0; i++ {
		picked = append(picked, dice.Int63n(tree.N))
	}
	if tree.N <= 5000 {
		picked = nil
		for i := int64(0); i < tree.N; i++ {
			picked = append(picked, i)
		}
	}
	err = nil
	for _, i := range picked {
		var proof tlog.RecordProof
		if proof, err = tlog.ProveRecord(tree.N, i, reader); err != nil {
			break
		}
		if err = tlog.CheckRecord(proof, tree.N, tree.Hash, i, tlog.RecordHash(entries[i])); err != nil {
			err = fmt.Errorf("leaf %d: %v", i, err)
			break
		}
	}
	check(fmt.Sprintf("inclusion of %d leaves", len(picked)), err)

	err = nil
	count := 0
	for _, size := range append(append([]int64{}, picked...), tree.N) {
		if size == 0 {
			continue
		}
		var old tlog.Hash
		var proof tlog.TreeProof
		if old, err = tlog.TreeHash(size, reader); err != nil {
			break
		}
		if proof, err = tlog.ProveTree(tree.N, size, reader); err != nil {
			break
		}
		if err = tlog.CheckTree(proof, tree.N, tree.Hash, size, old); err != nil {
			break
		}
		count++
	}
	check(fmt.Sprintf("consistency with %d smaller trees", count), err)

	if len(os.Args) > 3 {
		older, err := open(os.Args[3], trusted)
		check("older checkpoint is signed", err)
		if err == nil {
			var proof tlog.TreeProof
			proof, err = tlog.ProveTree(tree.N, older.N, reader)
			if err == nil {
				err = tlog.CheckTree(proof, tree.N, tree.Hash, older.N, older.Hash)
			}
			check(fmt.Sprintf("tree of %d continues the older checkpoint of %d", tree.N, older.N), err)
		}
	}

	forged := append([]byte{}, entries[0]...)
	forged[0] ^= 1
	proof, err := tlog.ProveRecord(tree.N, 0, reader)
	if err == nil && tlog.CheckRecord(proof, tree.N, tree.Hash, 0, tlog.RecordHash(forged)) == nil {
		err = fmt.Errorf("a changed leaf was accepted")
	}
	check("a changed leaf is refused", err)
	if failed {
		os.Exit(1)
	}
}
