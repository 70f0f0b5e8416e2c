#!/usr/bin/env python3
"""Makes a kiln project of a neutral JSON (README.md says its form).

usage: kiln_project.py graph.json FOLDER [--shell FOLDER] [--layout files|ten|one]

`--layout` says how many elements a file has: one, ten, or all of them. `--shell` names a folder with `bin/sh` and its like, static, which stands for the element of kind `shell`.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys


KINDS = {
    "import": "Import",
    "stack": "Stack",
    "run": "Manual",
    "autotools": "Autotools",
    "cmake": "CMake",
    "meson": "Meson",
    "make": "Make",
}
# What arguments are called.
ARGUMENTS = {
    "Autotools": "configure-args",
    "CMake": "cmake-args",
    "Meson": "meson-args",
    "Make": "make-args",
}
# What all packages of a project have, as a distribution writes it.
SETTINGS = """  version = "1.0"
  aliases { upstream = "https://upstream.example.org/" }
  options {
    ## Tests are run.
    tests: Bool = false
  }
  defaults {
    Element {
      libdir = "%{prefix}/lib/%{machine.target.triple}"
      env { LC_ALL = "C.UTF-8" }
    }
    Build { check = if option.tests then super else [] }
    Autotools { configure-args = ["--disable-nls", "--enable-shared"] }
    CMake { defines { BUILD_TESTING = if option.tests then "ON" else "OFF" } }
    Meson { meson-args = ["-Dtests=%{option.tests}"] }
  }
"""


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
    kind = KINDS[element["kind"]]
    fields = []
    if upstream := element.get("upstream"):
        url = upstream["url"].replace(upstream["version"], "%{version}")
        fields.append(f"version = {quoted(upstream['version'])}")
        fields.append(f"summary = {quoted(upstream['summary'])}")
        fields.append(f'source = Tar("upstream:{url}")')
    if element["files"]:
        fields.append(f"source = Local({source}/{name})")
    if element["target"] != "/":
        fields.append(f"target = {quoted(element['target'])}")
    for key in ("deps", "build-deps"):
        # The shell is the base of the project, so nobody names it.
        needs = [need for need in element[key] if need != shell]
        if needs:
            fields.append(f"{key} = {list_of(needs)}")
    if element.get("args"):
        fields.append(f"{ARGUMENTS[kind]} += [" + ", ".join(map(quoted, element["args"])) + "]")
    if element["commands"]:
        commands = [command.replace("$OUT", "$KILN_OUT") for command in element["commands"]]
        # Packages are installed by their kind, too.
        sign = "+=" if upstream else "="
        fields.append(f"install {sign} [" + ", ".join(map(quoted, commands)) + "]")
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


def pin(upstream):
    """Returns the entry of a source in the lock."""
    return f"""
[[source]]
kind = "tar"
url = "upstream:{upstream["url"]}"
strip = 1
sha256 = "{upstream["sha256"]}"
size = {upstream["size"]}
tree = "{upstream["tree"]}"
"""


def write(graph, folder, shell_folder=None, layout="files"):
    """Writes the project; the folder must not be there."""
    os.makedirs(os.path.join(folder, "elements"))
    elements = graph["elements"]
    shell = next((one["name"] for one in elements if one["kind"] == "shell"), None)
    for element in elements:
        write_sources(element, os.path.join(folder, "src", element["name"]), shell_folder)
    prefix = "" if layout == "files" else "all."
    base = f"  base = {prefix}{shell}\n" if shell else ""
    settings = SETTINGS if any("upstream" in element for element in elements) else ""
    with open(os.path.join(folder, "project.kiln"), "w") as out:
        out.write(f'Project {{\n  name = "synthetic"\n{base}{settings}}}\n')
    locked = [element["upstream"] for element in elements if "upstream" in element]
    if locked:
        with open(os.path.join(folder, "kiln.lock"), "w") as out:
            out.write("# Written by `kiln track`. Commit this file, do not edit it.\nversion = 1\n")
            out.writelines(map(pin, sorted(locked, key=lambda upstream: upstream["url"])))
    if layout == "files":
        for element in elements:
            path = os.path.join(folder, "elements", element["name"] + ".kiln")
            with open(path, "w") as out:
                out.write(expression(element, "../src", shell) + "\n")
        return
    n_each = 10 if layout == "ten" else len(elements)
    names = {one["name"]: f"f{ix // n_each}" for ix, one in enumerate(elements)}
    for ix in range(0, len(elements), n_each):
        file = f"f{ix // n_each}" if layout == "ten" else "all"
        with open(os.path.join(folder, "elements", f"{file}.kiln"), "w") as out:
            for element in elements[ix : ix + n_each]:
                here = {**element}
                for key in ("deps", "build-deps"):
                    far = [need for need in element[key] if need != shell]
                    here[key] = [
                        need if names[need] == names[element["name"]] else f"{names[need]}.{need}"
                        for need in far
                    ]
                out.write(f"{element['name']} = {expression(here, '../src', shell)}\n\n")


def main():
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="makes a kiln project of a neutral JSON")
    parser.add_argument("graph")
    parser.add_argument("folder")
    parser.add_argument("--shell", help="folder of the static shell")
    parser.add_argument("--layout", choices=["files", "ten", "one"], default="files")
    given = parser.parse_args()
    with open(given.graph) as text:
        write(json.load(text), given.folder, given.shell, given.layout)


if __name__ == "__main__":
    main()
