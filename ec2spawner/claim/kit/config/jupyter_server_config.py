"""Loads the kit into a Jupyter server, which finds this by JUPYTER_CONFIG_PATH.

Beside whatever else is configured, and in its place nothing. A server starts without
the kit rather than not at all.
"""

import os
import sys

try:
    _kit = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    # Last, so that no file of ours hides one of the image's.
    sys.path.append(os.path.join(_kit, "server"))
    c = get_config()  # type: ignore[name-defined]  # noqa: F821
    c.ServerApp.jpserver_extensions.update({"ec2spawner_machine": True})
    c.LabServerApp.extra_labextensions_path.append(os.path.join(_kit, "labextensions"))
except Exception as e:
    print("ec2spawner: nothing is told in Jupyter: %r" % e, file=sys.stderr)
