#!/usr/bin/env python3
"""Prints the README of a chart: its introduction (README.in.md) and a table of the values, from the comments
`# -- …` of values.yaml. Every value must have one."""

import pathlib
import re
import sys


def values(text):
    """Yields (key, default, comment) of every value that has a comment, in the order of the file."""
    path, comment, pending = [], None, None
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("# -- "):
            comment = [stripped[5:]]
        elif stripped.startswith("# ") and comment:
            comment.append(stripped[2:])
        elif match := re.match(r"( *)([\w.]+):(?: (.*))?$", line):
            depth = len(match[1]) // 2
            if pending and depth > pending[1]:
                # Inside a value that is documented as a whole.
                pending[0][1] += line.strip() + "; "
                continue
            pending = None
            path = path[:depth] + [match[2]]
            default = match[3]
            if comment:
                row = [".".join(path), default or "", " ".join(comment)]
                yield row
                if default is None:
                    pending = (row, depth)
                comment = None
            elif default is not None:
                sys.exit(f"line {number}: {'.'.join(path)} has no comment")
        elif stripped:
            sys.exit(f"line {number} is not understood: {line}")


def main():
    chart = pathlib.Path(sys.argv[1])
    rows = list(values((chart / "values.yaml").read_text()))
    print((chart / "README.in.md").read_text().rstrip())
    print("\n## Values\n\n| value | default | |\n|---|---|---|")
    for key, default, comment in rows:
        shown = f"`{default.rstrip('; ')}`"
        print(f"| `{key}` | {shown} | {comment} |".replace('`""`', "").replace("  |", " |"))
    print(
        "\nWritten by `charts/readme.py` from `values.yaml` and `README.in.md`; `make charts-update` writes it anew."
    )


if __name__ == "__main__":
    main()
