#!/usr/bin/env python3
"""Holds Cargo.lock against a committed snapshot of the RustSec advisory database.

check             fails if a crate of the lock has a known advisory, or if nobody has looked the crate up yet. Needs no
                  network. --max-age DAYS also fails if the snapshot is older.
renew DATABASE    writes the snapshot anew from a clone of https://github.com/RustSec/advisory-db.

The snapshot holds facts only: which crates were looked up, and of each of their advisories the id, date, kind and versions.
"""

import argparse
import datetime
import json
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
SNAPSHOT = pathlib.Path(__file__).resolve().parent / "snapshot.json"
# Advisories that a crate of the lock may have, with the reason why it does not matter here.
ACCEPTED = {}


def order(version):
    """A key by which versions compare as SemVer says; build metadata does not count."""
    core, _, pre = version.split("+")[0].partition("-")
    numbers = [int(part) for part in core.split(".")]
    numbers += [0] * (3 - len(numbers))
    # Numbers come before words, and a release after all of its pre-releases.
    parts = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre.split(".")] if pre else []
    return (numbers, not parts, parts)


def bounds(requirement):
    """Yields (operator, key) of one requirement such as `>= 1.2, < 2` or `^1.4`."""
    for one in requirement.split(","):
        operator, version = re.fullmatch(r"\s*(>=|<=|>|<|=|\^|~)?\s*([0-9][^\s]*)\s*", one).groups()
        if operator not in ("^", "~", None):
            yield operator, order(version)
            continue
        numbers = [int(part) for part in re.match(r"[0-9.]+", version)[0].strip(".").split(".")]
        if operator == "~":
            last = min(1, len(numbers) - 1)
        else:
            # The first number that is not 0 stays.
            last = next((i for i, number in enumerate(numbers) if number), len(numbers) - 1)
        upper = numbers[: last + 1]
        upper[last] += 1
        yield ">=", order(version)
        yield "<", order(".".join(str(number) for number in upper) + "-0")


def within(version, requirement):
    key = order(version)
    compare = {
        ">=": lambda other: key >= other,
        "<=": lambda other: key <= other,
        ">": lambda other: key > other,
        "<": lambda other: key < other,
        "=": lambda other: key == other,
    }
    return all(compare[operator](other) for operator, other in bounds(requirement))


def affected(version, advisory):
    """Whether neither a patched nor an unaffected range holds the version."""
    return not any(within(version, good) for good in advisory["patched"] + advisory["unaffected"])


def lock(path):
    """(name, version) of every crate that comes from a registry."""
    packages = tomllib.loads(path.read_text())["package"]
    return sorted((package["name"], package["version"]) for package in packages if "source" in package)


def check(arguments):
    snapshot = json.loads(arguments.snapshot.read_text())
    crates = lock(arguments.lock)
    known = set(snapshot["crates"])
    faults = [
        f"{name} is not in the snapshot: renew it with tools/advisories/advisories.py renew DATABASE"
        for name in sorted({name for name, _ in crates} - known)
    ]
    for name, version in crates:
        for advisory in snapshot["advisories"]:
            if advisory["crate"] == name and advisory["id"] not in ACCEPTED and affected(version, advisory):
                patched = ", ".join(advisory["patched"]) or "none"
                faults.append(
                    f"{name} {version} has {advisory['id']} ({advisory['kind']}, {advisory['date']}); patched: {patched}. "
                    f"Run cargo update --package {name}, or accept it with a reason in tools/advisories/advisories.py"
                )
    age = (datetime.date.today() - datetime.date.fromisoformat(snapshot["taken"])).days
    if arguments.max_age is not None and age > arguments.max_age:
        faults.append(f"the snapshot is {age} days old, {arguments.max_age} are allowed: renew it")
    for fault in faults:
        print(f"advisories: {fault}", file=sys.stderr)
    if not faults:
        print(f"advisories: {len(crates)} crates, {len(snapshot['advisories'])} advisories of them read, none applies")
    return 1 if faults else 0


def read(path):
    """The facts of one advisory, or None if it was withdrawn."""
    text = path.read_text()
    front = re.match(r"```toml\n(.*?)\n```", text, re.S)[1]
    content = tomllib.loads(front)
    about, versions = content["advisory"], content.get("versions", {})
    if "withdrawn" in about:
        return None
    return {
        "id": about["id"],
        "crate": about["package"],
        "date": str(about["date"]),
        "kind": about.get("informational", "vulnerability"),
        "patched": versions.get("patched", []),
        "unaffected": versions.get("unaffected", []),
    }


def renew(arguments):
    def git(*words):
        ran = subprocess.run(["git", "-C", arguments.database, *words], check=True, capture_output=True, text=True)
        return ran.stdout.strip()

    crates = sorted({name for name, _ in lock(arguments.lock)})
    advisories = []
    for crate in crates:
        folder = pathlib.Path(arguments.database) / "crates" / crate
        advisories += [read(path) for path in sorted(folder.glob("RUSTSEC-*.md"))]
    snapshot = {
        "source": "https://github.com/RustSec/advisory-db",
        "commit": git("rev-parse", "HEAD"),
        "taken": git("log", "-1", "--format=%cs"),
        "crates": crates,
        "advisories": [advisory for advisory in advisories if advisory],
    }
    arguments.snapshot.write_text(written(snapshot))
    return 0


def written(snapshot):
    """JSON with one crate or advisory a line, so that differences can be read."""
    lines = []
    for key, value in snapshot.items():
        if isinstance(value, list):
            entries = ",\n".join("    " + json.dumps(entry) for entry in value)
            lines.append(f'  "{key}": [\n{entries}\n  ]')
        else:
            lines.append(f'  "{key}": {json.dumps(value)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lock", type=pathlib.Path, default=ROOT / "Cargo.lock")
    parser.add_argument("--snapshot", type=pathlib.Path, default=SNAPSHOT)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("check")
    command.add_argument("--max-age", type=int, metavar="DAYS")
    command.set_defaults(run=check)
    command = commands.add_parser("renew")
    command.add_argument("database")
    command.set_defaults(run=renew)
    arguments = parser.parse_args()
    return arguments.run(arguments)


if __name__ == "__main__":
    sys.exit(main())
