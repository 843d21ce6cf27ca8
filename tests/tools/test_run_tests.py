"""tools/run_tests counts what happened, and cannot be green without a test."""

import pathlib
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from importlib.machinery import SourceFileLoader

import pytest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools/run_tests"


def run(*arguments):
    done = subprocess.run([sys.executable, TOOL, *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines()[-1], done.stdout


def ctest_folder(folder, tests):
    """A build folder whose tests are shell scripts: {name: script}. GTEST_OUTPUT is theirs to fill."""
    lines = []
    for name, script in tests.items():
        path = folder / f"{name}.sh"
        path.write_text(f"#!/bin/sh\nout=${{GTEST_OUTPUT#xml:}}\nmkdir -p $out\n{script}\n")
        path.chmod(0o755)
        lines.append(f'add_test({name} "{path}")\nset_tests_properties({name} PROPERTIES LABELS unit)\n')
    (folder / "CTestTestfile.cmake").write_text("".join(lines))
    return str(folder)


def xml(name, cases):
    return f"cat > $out/{name}_test.xml <<'X'\n<testsuites><testsuite>{cases}</testsuite></testsuites>\nX\n"


GOOD = '<testcase name="a" classname="S" status="run" result="completed"/>'
BAD = '<testcase name="b" classname="S" status="run" result="completed"><failure message="no"/></testcase>'
SKIPPED = '<testcase name="c" classname="S" status="run" result="skipped"><skipped message="no peer"/></testcase>'


@pytest.mark.parametrize("tests, expected", [
    ({"one": xml("one", GOOD + GOOD)}, "2 passed, 0 failed"),
    ({"one": xml("one", GOOD + BAD) + "exit 1"}, "1 passed, 1 failed"),
    ({"one": xml("one", GOOD + SKIPPED)}, "1 passed, 1 failed"),
    ({"one": xml("one", GOOD) + "kill -SEGV $$"}, "1 passed, 1 failed"),
    ({"one": "exit 3"}, "0 passed, 1 failed"),
    ({"one": "exit 0", "two": xml("two", GOOD)}, "2 passed, 0 failed"),
])
def test_cases_are_counted(tmp_path, tests, expected):
    status, summary, out = run("--ctest", ctest_folder(tmp_path, tests))
    assert summary == expected, out
    assert status == (0 if expected.endswith(" 0 failed") else 1)


def test_no_test_is_a_failure(tmp_path):
    assert run("--ctest", ctest_folder(tmp_path, {}))[:2] == (1, "0 passed, 1 failed")
    assert run()[:2] == (1, "0 passed, 0 failed")


def test_commands_count_as_one_test():
    assert run("--command", "good=true", "--command", "bad=false")[:2] == (1, "1 passed, 1 failed")


def test_what_runs_beside_is_waited_for_and_counted(tmp_path):
    made = tmp_path / "made"
    code, last, _ = run("--beside", f"build=sh -c 'sleep 1; touch {made}'", "--command", "a=true")
    assert (code, last) == (0, "2 passed, 0 failed") and made.exists()
    code, last, said = run("--beside", "build=sh -c 'echo what went wrong; exit 3'", "--command", "a=true")
    assert (code, last) == (1, "1 passed, 1 failed")
    assert "what went wrong" in said and "FAILED build: ended with 3" in said


def pytest_case(name, *, stalled=None, problem=""):
    properties = f'<properties><property name="stalled_ms" value="{stalled}"/></properties>' if stalled else ""
    failure = f'<failure message="{problem}"/>' if problem else ""
    return ElementTree.fromstring(
        f'<testcase classname="tests.integration.test_x" name="{name}">{properties}{failure}</testcase>')


@pytest.mark.parametrize("first, second, expected", [
    # Held up for long: what it says the second time counts.
    ([pytest_case("a", stalled=200, problem="off")], [pytest_case("a")], (1, [])),
    ([pytest_case("a", stalled=200, problem="off")], [pytest_case("a", problem="off again")],
     (0, ["tests.integration.test_x.a: failure: off again"])),
    ([pytest_case("a", stalled=200, problem="off")], [], (0, ["tests.integration.test_x.a: did not run again"])),
    # Not held up: it has failed.
    ([pytest_case("a", stalled=20, problem="off")], None, (0, ["tests.integration.test_x.a: failure: off"])),
    ([pytest_case("a", problem="off")], None, (0, ["tests.integration.test_x.a: failure: off"])),
    # So many cannot be the machine's fault.
    ([pytest_case(n, stalled=200, problem="off") for n in "abcd"], None,
     (0, [f"tests.integration.test_x.{n}: failure: off" for n in "abcd"])),
])
def test_what_failed_on_a_machine_that_stood_still_runs_once_more(monkeypatch, first, second, expected):
    tool = SourceFileLoader("run_tests", str(TOOL)).load_module()
    asked = []
    answers = [(1, first), (0, second)]
    monkeypatch.setattr(tool, "pytest_cases", lambda arguments: asked.append(arguments) or answers[len(asked) - 1])
    tally = tool.Tally()
    tool.run_pytest("slow", tally)
    for case in tally.run_again:
        tool.run_again(case, tally)
    assert (tally.passed, tally.failed) == expected
    assert asked[1:] == ([["tests/integration/test_x.py::a"]] if second is not None else [])
