#!/usr/bin/env python3
"""The table of decoder families in docs/architectures.md, from what the tests saw.

Usage: families_table.py BUILD_FOLDER [PAGE]      PAGE: docs/architectures.md, whose table is replaced

Runs the tests of every family and writes a mark only where they passed; a test that skips leaves a gap.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

COLUMNS = {
    "answers as transformers": ["LogitsEqualTheReference", "GreedyTextEqualsTheReferenceWithAndWithoutAStore"],
    "trains": ["LossAndEveryGradientEqualTheReference"],
    "adapters": ["AnAdapterOfAllLinearsStartsAsNothingAndTrains"],
    "taps": ["EverySiteThatTheModelHasCanBeTapped"],
    "HF out and in": ["AFolderWrittenAndReadAgainGivesTheSameLogits"],
    "GGUF out and in": ["AGgufFileWrittenAndReadAgainGivesTheSameLogits"],
}
BEGIN, END = "<!-- families -->", "<!-- end of families -->"


def results(build):
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        subprocess.run([build / "bantam_test_model", "--gtest_filter=*DecoderFamilies*", f"--gtest_output=json:{out.name}"],
                       stdout=subprocess.DEVNULL, check=False)
        report = json.load(open(out.name))
    seen = {}
    for suite in report["testsuites"]:
        for test in suite["testsuite"]:
            name, _, case = test["name"].partition("/")
            passed = test["result"] == "COMPLETED" and "failures" not in test
            seen.setdefault(case, {})[name] = passed
    return seen


def table(seen):
    lines = ["| model | " + " | ".join(COLUMNS) + " |", "| --- |" + " :-: |" * len(COLUMNS)]
    for case in sorted(seen):
        marks = ["yes" if all(seen[case].get(test) for test in tests) else "" for tests in COLUMNS.values()]
        lines.append(f"| {case} | " + " | ".join(marks) + " |")
    return "\n".join(lines)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    page = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "docs/architectures.md")
    text = page.read_text()
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    page.write_text(text[:begin] + "\n" + table(results(pathlib.Path(sys.argv[1]).resolve())) + "\n" + text[end:])


if __name__ == "__main__":
    main()
