"""What the documents say of tests: each that is named is there, and each row of their tables names one."""

import functools
import re

import pytest
from support.process import ROOT

PAGES = ["docs/compatibility.md", "docs/egress-tests.md"]
# `test_x.py`, `test_x.py::test_name`, `x_test.cpp`, `x_test.cpp::Suite.Name`, `x_test.cpp::Suite/Row` for a row of a
# table of tests; `::test_name` is of the file before it.
REFERENCE = re.compile(r"`((?:test_\w+\.py|\w+_test\.[ch]pp)?(?:::[\w.:/]+)?)`")


def tables(page):
    """Every table that has a column Test: (heading, [rows as lists of cells])."""
    heading, rows = "", None
    for line in [*(ROOT / page).read_text().splitlines(), ""]:
        if line.startswith("#"):
            heading = line.strip("# ")
        if not line.startswith("|"):
            if rows:
                yield heading, rows
            rows = None
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells[-1] == "Test":
            rows = []
        elif rows is not None and not set(cells[0]) <= {"-", ":"}:
            rows.append(cells)


def references(text):
    """(file, name or "") of each test that is named."""
    file = ""
    for found in REFERENCE.finditer(text):
        if not found[1]:
            continue
        named, _, name = found[1].partition("::")
        file = named or file
        yield file, name


@functools.cache
def source(file):
    found = [*(ROOT / "src").rglob(file), *(ROOT / "tests").rglob(file)]
    return "".join(path.read_text() for path in found)


def is_there(file, name):
    text = source(file)
    if not text or not name:
        return bool(text)
    if file.endswith(".py"):
        return re.search(rf"^def {re.escape(name)}\(", text, re.MULTILINE) is not None
    suite, row = (name.split("/") + [""])[:2] if "/" in name else (name, "")
    if row:
        return re.search(rf"\bTEST_P\({suite},", text) is not None and f'"{row}"' in text
    suite, _, test = name.partition(".")
    return re.search(rf"\bTEST(_F|_P)?\({suite}, {test}\)", text) is not None


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_is_named_is_there(page):
    named = set(references((ROOT / page).read_text()))
    assert len(named) > 20
    assert not sorted(f"{file}::{name}" for file, name in named if not is_there(file, name))


@pytest.mark.parametrize("page", PAGES)
def test_every_row_names_its_test(page):
    without = [f"{heading}: {cells[0]}" for heading, rows in tables(page) for cells in rows
               if not list(references(cells[-1])) and cells[-1] != "–"]
    assert not without


def test_every_field_has_a_row_with_a_test():
    """A table of fields or methods without the column would be skipped above."""
    text = (ROOT / "docs/compatibility.md").read_text()
    headers = re.findall(r"^\| (?:Field|Method|Key|What) \|.*$", text, re.MULTILINE)
    assert len(headers) >= 10
    assert not [header for header in headers if not header.endswith("| Test |")]


def test_the_adopted_list_is_whole():
    """The names of livekit/egress's integration matrix, each once, with a test or a reason."""
    counts = {heading.split(":")[0]: len(rows) for heading, rows in tables("docs/egress-tests.md")}
    assert counts == {"File": 36, "Stream": 8, "Segments": 9, "Images": 3, "Multi": 4, "EdgeCases": 15}
    for heading, rows in tables("docs/egress-tests.md"):
        names = [cells[0] for cells in rows]
        assert len(set(names)) == len(names), heading
        for name, note, test in rows:
            assert test != "–" or note, f"{name}: neither a test nor a reason"
