"""Makes the sample evidence: `python3 testdata/samples/make.py`, or with `--check` says whether what is committed is
what this script makes. Everything is invented: places, persons, numbers and events. Standard library only, and no
compressor or float decides a byte, so the same files come out everywhere.
"""

import hashlib
import sys
from pathlib import Path

from documents import docx, email, pdf, pdf_drawn, pdf_scanned, zip_of
from pictures import exif, jpeg, png, scene

HERE = Path(__file__).resolve().parent
MARK_EN = "INVENTED FOR DEMONSTRATION. No person, place or event in this file is real.\n"
MARK_UK = "ВИГАДАНО ДЛЯ ДЕМОНСТРАЦІЇ. Жодна особа, місце чи подія тут не є справжніми.\n"
MARK_RU = "ВЫМЫШЛЕНО ДЛЯ ДЕМОНСТРАЦИИ. Ни одно лицо, место или событие здесь не является настоящим.\n"


def call_records():
    """Two hundred calls between invented numbers; no real number begins with +380 00."""
    rows = ["record;caller;called;start_utc;seconds;cell;note"]
    state = 20250214
    for number in range(1, 201):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        caller = f"+380 00 000 {1000 + (state >> 8) % 12:04d}"
        called = f"+380 00 000 {1000 + (state >> 14) % 12:04d}"
        minute = 6 * 60 + number * 4
        start = f"2025-02-14T{minute // 60 % 24:02d}:{minute % 60:02d}:{(state >> 4) % 60:02d}Z"
        rows.append(f"{number};{caller};{called};{start};{(state >> 10) % 600};ZOR-{(state >> 20) % 5 + 1};invented")
    return ("\r\n".join(rows) + "\r\n").encode()


def evidence():
    """Every file of the delivery, as path and bytes."""
    where = ((48, 1, 2345), (37, 48, 1234))
    statement = (
        MARK_UK
        + "\nПротокол допиту свідка № 1\n\n"
        + "Я, Оксана Вигадана, мешканка селища Зоряне, пояснюю: вранці 14 лютого о 06:40 я почула три вибухи з боку "
        + "елеватора. Об’єкт горів до обіду. Моя сім'я була в підвалі; зобовʼязання мовчати я не давала.\n"
        + "Я бачила машини з літерою «Щ» на бортах. Командира називали «Грім».\n"
    ).encode()
    intercept = (
        MARK_RU
        + "\nПерехват радиопереговоров, 14.02.2025, 06:12–06:44, частота вымышлена\n\n"
        + "06:12 — «Гром», я «Сосна», на месте, жду команды.\n"
        + "06:31 — «Сосна», работай по элеватору, три единицы.\n"
        + "06:44 — «Гром», отработали. Подъезжаем к объекту.\n"
    ).encode()
    report = (
        MARK_EN
        + "\nField report, Zoriane, 14 February 2025\n\nThree impact craters north of the grain elevator, 11 m, 9 m and\n"
        + "12 m across. Fragments photographed in place and left. Two witnesses heard. No military object within 900 m\n"
        + "was seen by the team; one witness speaks of a radio post in the school, which must be followed up.\n"
    ).encode()
    photo_north = jpeg(scene(240, 176, 7), exif(*where, "2025:02:14 10:05:00", "Invented Camera 1"))
    photo_south = png(scene(200, 160, 21), exif(*where, "2025:02:14 10:22:00", "Invented Camera 2"))
    order = docx(
        "Наказ № 7 (вигаданий)",
        [MARK_UK.strip(), "Наказ № 7", "Підрозділу «Сосна» о 06:30 відкрити вогонь по елеватору.", "Підпис: «Грім»"],
    )
    inner = zip_of([("копія наказу.docx", order), ("readme.txt", MARK_EN.encode())])
    archive = zip_of(
        [
            ("phone dump/notes.txt", (MARK_EN + "Copied from a phone that never existed.\n").encode()),
            ("phone dump/фото/кратер 1.jpg", photo_north),
            ("phone dump/backup.zip", inner),
        ]
    )
    mail = email(
        ("Інспектор Вигаданий", "inspector@example.org"),
        ("Registry", "registry@example.org"),
        "Фото з місця події (вигадано)",
        "Fri, 14 Feb 2025 13:02:11 +0200",
        1,
        MARK_UK + "Надсилаю фото північного кратера та протокол.\n",
        [("кратер північ.jpg", "image/jpeg", photo_north), ("протокол.txt", "text/plain", statement)],
    )
    answer = email(
        ("Registry", "registry@example.org"),
        ("Інспектор Вигаданий", "inspector@example.org"),
        "Re: Фото з місця події (вигадано)",
        "Fri, 14 Feb 2025 15:40:00 +0200",
        2,
        MARK_EN + "Received, thank you. Please send the second picture, too.\n",
        [],
    )
    inspection = pdf(
        "Inspection report (invented)",
        [MARK_EN.strip(), "", "Grain elevator, Zoriane. Roof open over 40 square metres.", "Signed: I. Vyhadanyi"],
    )
    drawn = pdf_drawn(
        "Акт огляду (вигаданий)",
        ["ВИГАДАНО ДЛЯ ДЕМОНСТРАЦІЇ", "АКТ ОГЛЯДУ МІСЦЯ ПОДІЇ", "СЕЛИЩЕ ЗОРЯНЕ, 14.02.2025",
         "ТРИ ВИРВИ НА ПІВНІЧ ВІД ЕЛЕВАТОРА.", "ОБ’ЄКТ ПОШКОДЖЕНО. ПІДПИС: І. ВИГАДАНИЙ"],
    )
    scanned = pdf_scanned(
        "Скан (вигаданий)",
        ["ВИГАДАНО ДЛЯ ДЕМОНСТРАЦІЇ", "", "АКТ ОБСТЕЖЕННЯ ПІДВАЛУ ШКОЛИ", "СЕЛИЩЕ ЗОРЯНЕ, 15.02.2025", "",
         "У ПІДВАЛІ ШКОЛИ ЗНАЙДЕНО РАДІОСТАНЦІЮ", "ТА ЖУРНАЛ ПОЗИВНИХ. ЦИВІЛЬНИХ ОСІБ НЕ БУЛО.", "",
         "ПІДПИС: О. ЗАПИСНА"],
    )
    return {
        "READ ME FIRST.txt": (MARK_EN + MARK_UK + MARK_RU).encode(),
        "Свідчення/свідок 01.txt": statement,
        "Свідчення/заява «Про обстріл».txt": (MARK_UK + "Прошу зареєструвати заяву про обстріл.\n").encode(),
        "intercepts/перехват 14-02.txt": intercept,
        "intercepts/перехват 14-02.cp1251.txt": intercept.decode().replace("−", "-").encode("cp1251"),
        "reports/field report.txt": report,
        "reports/it's \"urgent\".txt": (MARK_EN + "Quotes of both kinds in a name are legal.\n").encode(),
        "reports/inspection report.pdf": inspection,
        "reports/акт огляду.pdf": drawn,
        "reports/скан акту.pdf": scanned,
        "photos/crater north.jpg": photo_north,
        "photos/crater south.png": photo_south,
        "photos/copy of crater north.jpg": photo_north,
        "mail/0001 фото.eml": mail,
        "mail/0002 re.eml": answer,
        "orders/наказ 7.docx": order,
        "devices/phone.zip": archive,
        "calls/call-records.csv": call_records(),
        "calls/empty-on-purpose.log": b"",
        "repeated.log": MARK_EN.encode() + b"06:40:00Z sensor 3 reports the same thing again\n" * 2000,
    }


def hand_over(files):
    """What the deliverer sends along: letter, own digests, and where each file comes from."""
    digests = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    missing = hashlib.sha256(b"a file that was announced and never arrived").hexdigest()
    listed = sorted([*digests.items(), ("reports/annex B.pdf", missing)])
    letter = (
        MARK_EN
        + "\nTo the registry of the centre\n\nWith this letter the (invented) National Police hands over "
        + f"{len(files)} files about the events at Zoriane on\n14 February 2025, and annex B of the inspection report. "
        + "The digests that we made are in manifest.sha256,\nthe origin of each file in provenance.csv.\n\n"
        + "Legal basis: invented order 12/2025 of the invented court of Zoriane.\n\nI. Vyhadanyi, inspector\n"
    )
    provenance = [
        "path,collector,method,tool,url,collected_at,device,serial,seal_number,earlier_handovers,legal_basis,consent,confidence,language",
        '"**/photos/*",I. Vyhadanyi,photographed on site,Invented Camera,,2025-02-14T12:05:00+02:00,Camera 1,SN-0001,'
        'SEAL-1001,,order 12/2025,,seen by the collector,',
        '"**/Свідчення/*",O. Zapysna,interview,,,2025-02-14T15:00:00+02:00,,,,,,written consent,as stated,uk',
        '"**/intercepts/*",Signals desk,recorded,Invented Receiver,,2025-02-14T06:44:00Z,Receiver 3,SN-0003,SEAL-1003,'
        '"signals desk → investigators, 2025-02-15",order 13/2025,,machine copy,ru',
        '"**/devices/phone.zip",I. Vyhadanyi,logical copy,Invented Copier 1.0,,2025-02-16T09:00:00+02:00,phone,SN-0004,'
        'SEAL-1004,"owner → police, 2025-02-15",order 12/2025,owner signed,complete copy,',
        '"**/calls/*.csv",Invented Telecom,export from billing,,https://example.org/records,2025-02-18T08:00:00Z,,,,,'
        "order 14/2025,,as exported,",
    ]
    return {
        "hand-over letter.txt": letter.encode(),
        "manifest.sha256": "".join(f"{digest}  {path}\n" for path, digest in listed).encode(),
        "provenance.csv": ("\n".join(provenance) + "\n").encode(),
    }


def main():
    files = evidence()
    made = {f"evidence/{path}": data for path, data in files.items()}
    made |= {f"hand-over/{path}": data for path, data in hand_over(files).items()}
    if "--check" in sys.argv[1:]:
        there = {str(p.relative_to(HERE)) for d in ("evidence", "hand-over") for p in (HERE / d).rglob("*") if p.is_file()}
        wrong = sorted(there ^ set(made)) + [n for n in sorted(there & set(made)) if (HERE / n).read_bytes() != made[n]]
        for name in wrong:
            print(f"samples: {name} is not what make.py makes")
        sys.exit(1 if wrong else 0)
    for name, data in made.items():
        path = HERE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    print(f"samples: {len(made)} files, {sum(map(len, made.values()))} bytes")


main()
