#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads what packaging/ has for builders of images, as far as that goes without their trees: it agrees with
the Makefile, and its steps install what they should. Ends with "N passed, N failed".

    images.py [--build DIR]     where the programs and pages are; nothing is compiled
"""

import argparse
import configparser
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
LAYER = TREE / "packaging/yocto/meta-connwatch"
RECIPE = LAYER / "recipes-connwatch/connwatch/connwatch.bb"
EXTERNAL = TREE / "packaging/buildroot"
PACKAGE = EXTERNAL / "package/connwatch"
# what Yocto and Buildroot call the packages of a library that pkg-config knows by another name
PACKAGED = {"libsystemd": "systemd", "libnl-3.0": "libnl", "libnl-route-3.0": "libnl"}


def only_in(a, b, what):
    return [f"{word}: {what}" for word in sorted(set(a) - set(b))]


def unfolded(path):
    return re.sub(r"\s*\\\n\s*", " ", path.read_text())


def variable(path, name):
    """The words that a recipe or a makefile sets the variable to."""
    return re.search(rf'^{re.escape(name)} *:?= *"?(.*?)"?$', unfolded(path), re.MULTILINE)[1].split()


def source_files():
    listed = subprocess.run([TREE / "packaging/source-files.sh"], cwd=TREE, check=True, text=True,
                            capture_output=True).stdout
    return set(listed.split("\0"))


def files_of_a_device():
    """The paths of tests/install/files.expected without those of PARTS=collector."""
    lines = (TREE / "tests/install/files.expected").read_text().splitlines()
    return {line.split()[1] for line in lines if "connwatch-fleet" not in line}


def differing(root):
    there = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    return only_in(there, files_of_a_device(), "not in tests/install/files.expected") + \
        only_in(files_of_a_device(), there, "not installed")


# ---- what is checked: each returns a list of sentences about what is wrong


def versions_are_the_makefiles(_):
    wanted = variable(TREE / "Makefile", "VERSION")
    given = {"connwatch.bb": variable(RECIPE, "PV"),
             "connwatch.mk": variable(PACKAGE / "connwatch.mk", "CONNWATCH_VERSION")}
    return [f"{file}: {version}, the Makefile has {wanted}"
            for file, version in given.items() if version != wanted]


def licenses_have_their_sums(_):
    sums = [("md5", digest, name) for name, digest in
            re.findall(r"file://(\S+);md5=(\w+)", RECIPE.read_text())]
    sums += re.findall(r"^(sha256)  (\w+)  (\S+)$", (PACKAGE / "connwatch.hash").read_text(),
                       re.MULTILINE)
    named = {name for kind, _, name in sums if kind == "sha256"}
    wrong = [f"{name}: {digest} is not its {kind}" for kind, digest, name in sums
             if hashlib.new(kind, (TREE / name).read_bytes()).hexdigest() != digest]
    texts = {f"LICENSES/{path.name}" for path in (TREE / "LICENSES").iterdir()}
    return wrong + only_in(texts, {name for kind, _, name in sums if kind == "md5"}, "not in connwatch.bb") + \
        only_in(variable(PACKAGE / "connwatch.mk", "CONNWATCH_LICENSE_FILES"), named,
                "not in connwatch.hash")


def libraries_are_the_makefiles(_):
    """Each library that the programs are linked with is a dependency of both packages."""
    makefile = (TREE / "Makefile").read_text()
    words = re.findall(r"lib[\w.-]+", " ".join(variable(TREE / "Makefile", "PACKAGES"))) + \
        re.search(r"^LIBS_CHECK .* --libs ([^)]*)\)", makefile, re.MULTILINE)[1].split()
    wanted = {PACKAGED.get(word, word) for word in words}
    config = (PACKAGE / "Config.in").read_text()
    selected = {name.lower() for name in re.findall(r"select BR2_PACKAGE_(\w+)", config)} | {"systemd"}
    return only_in(wanted, variable(RECIPE, "DEPENDS"), "not in connwatch.bb") + \
        only_in(wanted, variable(PACKAGE / "connwatch.mk", "CONNWATCH_DEPENDENCIES"), "not in connwatch.mk") + \
        only_in(wanted, selected, "not selected in Config.in")


def libraries_may_be_old(build):
    """What the programs call of a library is in the oldest version that the Makefile takes."""
    oldest = re.findall(r"'(lib\w+) >= ([\d.]+)'", (TREE / "Makefile").read_text())
    wrong = []
    for program in ("connwatchd", "connwatchctl", "connwatch-fleet"):
        symbols = subprocess.run(["nm", "-D", "--undefined-only", build / program], check=True, text=True,
                                 capture_output=True).stdout
        for library, version in oldest:
            for symbol, node in re.findall(rf"(\w+)@{library.upper()}_([\d.]+)", symbols):
                if numbers(node) > numbers(version):
                    wrong.append(f"{program}: {symbol} came with {library} {node}")
    return wrong if oldest else ["no versions"]


def numbers(version):
    return [int(part) for part in f"{version}.0.0".split(".")[:3]]


def kernel_has_all_options(build):
    """connwatch.cfg sets each option that `connwatchctl check` looks for."""
    said = subprocess.run([build / "connwatchctl", "check", "-o", "json",
                           f"--kernel-config={TREE}/packaging/connwatch.cfg"],
                          capture_output=True, text=True)
    rows = [json.loads(line) for line in said.stdout.splitlines()]
    return [row["option"] for row in rows if row["value"] != "y"] if rows else [said.stderr]


def machines_are_those_of_the_archive(_):
    """The packages are for the machines that the archive has the probe for."""
    text = (TREE / "packaging/packaging.mk").read_text()
    names = {"x86": "x86_64", "arm64": "aarch64", "arm": "arm"}
    wanted = {names[word] for word in re.search(r"^DIST_MACHINES := (.*)$", text, re.MULTILINE)[1].split()}
    hosts = set(re.search(r'^COMPATIBLE_HOST = "\((.*?)\)', RECIPE.read_text(), re.MULTILINE)[1].split("|"))
    config = re.search(r"depends on (BR2_.*?) # the probe", (PACKAGE / "Config.in").read_text())[1]
    return [] if wanted == hosts == set(re.findall(r"BR2_(\w+)", config)) else [f"{wanted}, {hosts}, {config}"]


def named_files_are_in_the_archive(_):
    """All that these files name of ours is part of the archive."""
    archive = source_files()
    wrong = []
    for path in sorted((TREE / "packaging").rglob("*")):
        if path.is_file() and str(path.relative_to(TREE)) not in archive:
            wrong.append(f"{path.relative_to(TREE)}: not in the archive")
    units = {Path(name).name for name in archive if name.startswith("units/")}
    wrong += only_in(variable(RECIPE, "SYSTEMD_SERVICE:${PN}"), units, "no such unit")
    classes = {path.stem for path in (LAYER / "classes").iterdir()}
    for path in LAYER.rglob("*.bb*"):
        for name in re.findall(r"\bconnwatch-\w+(?=\"|$)", " ".join(
                re.findall(r"^inherit (.*)$", path.read_text(), re.MULTILINE))):
            wrong += only_in([name], classes, f"{path.name} inherits it")
    return wrong


def functions_of(path):
    """The shell functions of a recipe or class by their names; those in Python by ''."""
    for words, body in re.findall(r"^([\w: ()]+?) \{\n(.*?)^\}$", path.read_text(), re.MULTILINE | re.DOTALL):
        yield ("" if words.startswith("python") else words.removesuffix("()")), body


def functions_can_be_read(_):
    wrong = []
    for path in sorted(LAYER.rglob("*.bb*")):
        for name, body in functions_of(path):
            if not name:
                compile(textwrap.dedent(body), path.name, "exec")
                continue
            read = subprocess.run(["sh", "-n", "-c", body], capture_output=True, text=True)
            wrong += [f"{path.name}: {name}: {line}" for line in read.stderr.splitlines()]
    return wrong


def yocto_installs_a_device(build):
    """What the recipe's steps install. bitbake's variables are the shell's here, as far as they need any."""
    steps = dict(functions_of(RECIPE))
    with tempfile.TemporaryDirectory() as root:
        script = "oe_runmake() { make --no-print-directory B=\"$build\" $extra \"$@\"; }\n" + \
            steps["do_compile"] + steps["do_install"]
        extra = " ".join(variable(RECIPE, "EXTRA_OEMAKE")).replace("${prefix}", "/usr")
        done = subprocess.run(["sh", "-eu", "-c", script], cwd=TREE, capture_output=True, text=True,
                              env={**os.environ, "D": root, "build": str(build), "extra": extra})
        return done.stderr.splitlines() if done.returncode else differing(Path(root))


BUILDROOT = """
qstrip = $(strip $(subst ",,$(1)))
KCONFIG_ENABLE_OPT = @echo enable $(1)
generic-package =
BR2_PACKAGE_CONNWATCH_SHA256 = "0000"
include $(BR2_EXTERNAL_CONNWATCH_PATH)/external.mk

$(TREE)/steps:
	$(CONNWATCH_LINUX_CONFIG_FIXUPS)
	$(CONNWATCH_BUILD_CMDS)
	$(CONNWATCH_INSTALL_TARGET_CMDS)
	! ($(CONNWATCH_CHECK_SHA256)) 2>/dev/null
"""


def buildroot_installs_a_device(build):
    """What the package's steps install, and which options it gives the kernel. The least of Buildroot is here."""
    with tempfile.TemporaryDirectory() as root:
        done = subprocess.run(["make", "--no-print-directory", "-f", "-", f"TREE={TREE}", f"TARGET_DIR={root}",
                               f"TARGET_CONFIGURE_OPTS=B={build}", f"BR2_EXTERNAL_CONNWATCH_PATH={EXTERNAL}"],
                              input=BUILDROOT, capture_output=True, text=True)
        if done.returncode:
            return done.stderr.splitlines()
        fragment = re.findall(r"^(CONFIG_\w+)=y$", (TREE / "packaging/connwatch.cfg").read_text(), re.MULTILINE)
        enabled = re.findall(r"^enable (\w+)$", done.stdout, re.MULTILINE)
        return only_in(fragment, enabled, "not enabled") + differing(Path(root))


def mkosi_profile_can_be_read(_):
    parser = configparser.ConfigParser(strict=False)
    parser.optionxform = str
    parser.read(TREE / "packaging/mkosi/mkosi.profiles/connwatch/mkosi.conf")
    control = (TREE / "debian/control").read_text()
    return only_in(parser["Content"]["Packages"].split(), re.findall(r"^Package: (.*)$", control, re.MULTILINE),
                   "no such package")


CHECKS = (versions_are_the_makefiles, licenses_have_their_sums, libraries_are_the_makefiles, libraries_may_be_old,
          machines_are_those_of_the_archive, kernel_has_all_options, named_files_are_in_the_archive,
          functions_can_be_read, yocto_installs_a_device, buildroot_installs_a_device,
          mkosi_profile_can_be_read)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--build", type=Path, default=TREE / "build")
    build = parser.parse_args().build.resolve()
    # the makefiles of image builders are no part of ours
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        os.environ.pop(name, None)
    failed = 0
    for check in CHECKS:
        wrong = check(build)
        failed += bool(wrong)
        if wrong:
            print(f"  {check.__name__.replace('_', ' ')}: FAIL")
        for line in wrong:
            print(f"      {line}")
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
