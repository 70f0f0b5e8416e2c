#!/usr/bin/env python3
"""Makes a kiln project of a neutral JSON (README.md says its form).

usage: kiln_project.py graph.json FOLDER [--shell FOLDER] [--layout files|one]

`--shell` names a folder with `bin/sh` and its like, static, which stands for the element of kind `shell`.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys


def content(file):
    """Returns the bytes of a file of the JSON."""
    if "text" in file:
        return file["text"].encode()
    return hashlib.shake_128(str(file["seed"]).encode()).digest(file["size"])


def quoted(text):
    """Returns a text as a literal of the language."""
    return json.dumps(text, ensure_ascii=False).replace("%{", "%%{")


def list_of(names):
    """Returns a list of elements; names are written one a line, as the formatter would where they are many."""
    return "[" + ", ".join(names) + "]"


def expression(element, source, shell):
    """Returns an element as text; `source` leads from its file to its sources."""
    name = element["name"]
    if element["kind"] == "shell":
        return f"Import {{ base = null, source = Local({source}/{name}) }}"
    kind = {"import": "Import", "stack": "Stack", "run": "Manual"}[element["kind"]]
    fields = []
    if element["files"]:
        fields.append(f"source = Local({source}/{name})")
    if element["target"] != "/":
        fields.append(f"target = {quoted(element['target'])}")
    for key in ("deps", "build-deps"):
        # The shell is the base of the project, so nobody names it.
        needs = [need for need in element[key] if need != shell]
        if needs:
            fields.append(f"{key} = {list_of(needs)}")
    if element["commands"]:
        commands = [command.replace("$OUT", "$KILN_OUT") for command in element["commands"]]
        fields.append("install = [" + ", ".join(map(quoted, commands)) + "]")
    return kind + " {\n" + "".join(f"  {field}\n" for field in fields) + "}"


def write_sources(element, folder, shell_folder):
    """Writes the files of an element."""
    if element["kind"] == "shell":
        if shell_folder is None:
            sys.exit("error: this project needs --shell FOLDER")
        shutil.copytree(shell_folder, folder, symlinks=True)
        return
    for file in element["files"]:
        path = os.path.join(folder, file["path"])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(content(file))


def write(graph, folder, shell_folder=None, layout="files"):
    """Writes the project; the folder must not be there."""
    os.makedirs(os.path.join(folder, "elements"))
    elements = graph["elements"]
    shell = next((one["name"] for one in elements if one["kind"] == "shell"), None)
    for element in elements:
        write_sources(element, os.path.join(folder, "src", element["name"]), shell_folder)
    prefix = "" if layout == "files" else "all."
    base = f", base = {prefix}{shell}" if shell else ""
    with open(os.path.join(folder, "project.kiln"), "w") as out:
        out.write(f'Project {{ name = "synthetic"{base} }}\n')
    if layout == "one":
        with open(os.path.join(folder, "all.kiln"), "w") as out:
            for element in elements:
                out.write(f"{element['name']} = {expression(element, './src', shell)}\n")
        return
    for element in elements:
        path = os.path.join(folder, "elements", element["name"] + ".kiln")
        with open(path, "w") as out:
            out.write(expression(element, "../src", shell) + "\n")


def main():
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="makes a kiln project of a neutral JSON")
    parser.add_argument("graph")
    parser.add_argument("folder")
    parser.add_argument("--shell", help="folder of the static shell")
    parser.add_argument("--layout", choices=["files", "one"], default="files")
    given = parser.parse_args()
    with open(given.graph) as text:
        write(json.load(text), given.folder, given.shell, given.layout)


if __name__ == "__main__":
    main()
