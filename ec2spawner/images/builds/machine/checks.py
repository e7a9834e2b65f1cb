"""The kernel, and what is tried before there is an image."""

from __future__ import annotations

import glob
import json
import os

from .commands import SERVER, UV, Failed, Machine

_COMPUTES = """\
import sys
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name=sys.argv[1], startup_timeout=120)
said = []
client.execute_interactive(
    "print(6 * 7)", timeout=60, allow_stdin=False,
    output_hook=lambda m: said.append(m["content"].get("text", "")))
manager.shutdown_kernel(now=True)
sys.exit("".join(said).strip() != "42")
"""
# Of a package its modules, as its own list of files tells.
_IMPORTS = """\
import importlib, importlib.util, json, sys
from importlib import metadata
asked = json.load(sys.stdin)
def modules(name):
    dist = metadata.distribution(name)
    tops = (dist.read_text("top_level.txt") or "").split()
    found = {str(f).split("/")[0] for f in dist.files or () if str(f).endswith(".py")}
    tops = tops or sorted(t[:-3] if t.endswith(".py") else t for t in found)
    return [t for t in tops if t.isidentifier() and t[0] != "_"]
bad, tried = {}, 0
for name in asked["declared"] + asked["of_conda"]:
    try:
        if name in asked["of_conda"]:
            try:
                metadata.distribution(name)
            except metadata.PackageNotFoundError:
                continue
        tried += 1
        for each in modules(name):
            importlib.import_module(each)
    except BaseException as e:
        bad[name] = "%s: %s" % (type(e).__name__, str(e)[:100])
def there(name):
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
missing = [name for name in asked["imports"] if not there(name)]
print(json.dumps({"bad": bad, "tried": tried, "missing": missing}))
"""


_LAUNCHER = ("-m", "ipykernel_launcher", "-f", "{connection_file}")


def make_kernel(machine: Machine) -> str:
    machine.give(machine.env, "root")
    share = SERVER + "/share/jupyter"
    spec = {
        # Absolute: "python" would be the server's.
        "argv": [machine.python, *_LAUNCHER],
        "display_name": machine.plan["display_name"],
        "language": "python",
        "env": _environment(machine),
        "metadata": {"debugger": True},
    }
    folder = share + "/kernels/" + machine.plan["name"]
    os.makedirs(folder, exist_ok=True)
    with open(folder + "/kernel.json", "w") as file:
        json.dump(spec, file, indent=1)
    # What packages show in the browser is looked for beside the server.
    shown = 0
    for each in glob.glob(machine.env + "/share/jupyter/labextensions/*"):
        inside = glob.glob(each + "/*") if os.path.basename(each)[0] == "@" else [each]
        for path in inside:
            target = share + path[len(machine.env + "/share/jupyter") :]
            if not os.path.lexists(target):
                os.makedirs(os.path.dirname(target), exist_ok=True)
                os.symlink(path, target)
                shown += 1
    return "%d extensions of JupyterLab" % shown if shown else ""


def _environment(machine: Machine) -> dict[str, str]:
    """What the kernel's programs find each other by."""
    made = {"PATH": machine.env + "/bin:${PATH}"}
    if not machine.plan["conda"]:
        return {**made, "VIRTUAL_ENV": machine.env}
    # What conda would do in a shell: GDAL_DATA, PROJ_DATA and others are set there.
    given = {"CONDA_PREFIX": machine.env, "PATH": os.environ.get("PATH", os.defpath)}
    given["PATH"] = machine.env + "/bin:" + given["PATH"]
    script = 'for each in "$0"/etc/conda/activate.d/*.sh; do '
    script += '[ -r "$each" ] && . "$each"; done > /dev/null 2>&1; env -0'
    words = ["env", "-i", *("%s=%s" % each for each in given.items())]
    said = machine.run(*words, "sh", "-c", script, machine.env)
    found = dict(line.split("=", 1) for line in said.split("\0") if "=" in line)
    shell = (*given, "PWD", "OLDPWD", "SHLVL", "_")
    new = {name: text for name, text in found.items() if name not in shell}
    return {**new, **made, "CONDA_PREFIX": machine.env}


def test(machine: Machine) -> str:
    if machine.server_version() != machine.wanted_version:
        raise Failed("%s has no jupyterhub-singleuser of the Hub's version" % SERVER)
    machine.run(SERVER + "/bin/python", "-c", _COMPUTES, machine.plan["name"])
    machine.say("told", "the kernel computes")
    declared, imports = machine.plan["declared"], machine.plan["imports"]
    asked = json.dumps(
        {
            "declared": declared,
            "of_conda": machine.plan["of_conda"],
            "imports": sorted(imports),
        }
    )
    said = json.loads(
        machine.run(machine.python, "-W", "ignore", "-c", _IMPORTS, stdin=asked)
        .strip()
        .splitlines()[-1]
    )
    for name, why in said["bad"].items():
        machine.say("broken", "%s %s" % (name, why))
    good = said["tried"] - len(said["bad"])
    machine.say("told", "%d of %d packages import" % (good, said["tried"]))
    for name in said["missing"]:
        machine.say("missing", "%s %s" % (name, imports[name]))
    if said["bad"]:
        raise Failed("these cannot be imported: %s" % ", ".join(sorted(said["bad"])))
    if said["missing"] and machine.plan["strict"]:
        raise Failed("the code imports: %s" % ", ".join(said["missing"]))
    try:
        machine.run(UV, "pip", "check", "--python", machine.python)
    except Failed as e:
        return "not all packages go together: %s" % e
    return ""
