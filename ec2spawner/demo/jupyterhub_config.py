# The configuration of the demo's hub. Most of it is about running everything on this
# computer; the lines under "As on a real hub" are those that you would write yourself.
import json
import os
from pathlib import Path

import bcrypt

import ec2spawner

c = get_config()  # type: ignore[name-defined]  # noqa: F821

demo = json.loads(Path(os.environ["EC2SPAWNER_DEMO_SETTINGS"]).read_text())
folder = Path(os.environ["EC2SPAWNER_DEMO_SETTINGS"]).parent

# -- On this computer only ---------------------------------------------------------

# Machines of the local EC2 run here, too: they reach the Hub on loopback, or on this
# computer's address in their network when they have one.
c.JupyterHub.bind_url = demo["public_url"]
c.JupyterHub.hub_bind_url = demo["hub_url"]
c.JupyterHub.db_url = f"sqlite:///{folder}/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = f"{folder}/cookie_secret"

# A proxy that pip can install: no Node.js.
c.JupyterHub.proxy_class = "traefik_file"
c.TraefikProxy.traefik_api_url = demo["proxy_api_url"]
c.TraefikProxy.traefik_api_username = "demo"
c.TraefikProxy.traefik_api_password = demo["proxy_api_password"]
# traefik checks it at every call. Nobody guesses a random one, so a cheap hash will do.
c.TraefikProxy.traefik_api_hashed_password = bcrypt.hashpw(
    demo["proxy_api_password"].encode(), bcrypt.gensalt(4)
).decode()
c.TraefikProxy.static_config_file = f"{folder}/traefik.toml"
c.TraefikFileProviderProxy.dynamic_config_file = f"{folder}/rules.toml"
# The demo talks to nobody else: no look for a newer traefik, or a newer JupyterLab.
c.TraefikProxy.extra_static_config = {
    "global": {"checkNewVersion": False, "sendAnonymousUsage": False}
}
c.Spawner.args = [
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.news_url=None",
    "--LabApp.extension_manager=readonly",
]
# Nor a question whether to fetch news. A real image would have this file in it.
c.EC2Spawner.setup_script = """#!/bin/sh
config="${JUPYTER_CONFIG_PATH:-/etc/jupyter}/labconfig"
mkdir -p "$config"
echo '{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}' \\
    > "$config/page_config.json"
"""

# Any name, one password that is made anew for each demo; and one for the admin.
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = demo["password"]
c.SharedPasswordAuthenticator.admin_password = demo["admin_password"]
c.Authenticator.admin_users = {"admin"}
c.Authenticator.allow_all = True

c.JupyterHub.template_vars = {
    "announcement": "This is a demo: EC2 and its machines are on this computer, "
    "and its prices are invented."
}

c.EC2Spawner.endpoint_url = demo["endpoint_url"]
c.EC2Spawner.start_timeout = demo["start_timeout"]
c.Spawner.http_timeout = demo["http_timeout"]
c.EC2Spawner.claims_as_root = demo["claims_as_root"]
# This EC2 signs who its machines are with a key of its own, and not with AWS's.
c.EC2Spawner.claim_identity = "required"
c.EC2Spawner.identity_certificates = {demo["region"]: demo["identity_certificate"]}
# One address for all, and starts as long as machines take here.
c.EC2Spawner.acknowledged = ["subdomains", "start-timeout", "idle-timeout"]

# The end of a demo is the end of its machines, told one by one.
c.JupyterHub.cleanup_servers = True

# -- As on a real hub --------------------------------------------------------------

c.JupyterHub.services = []
ec2spawner.setup(c, idle_timeout=demo["idle_timeout"])

c.EC2Spawner.region = demo["region"]
c.EC2Spawner.subnets = demo["subnets"]
c.EC2Spawner.security_groups = demo["security_groups"]
c.EC2Spawner.home = "server"
c.EC2Spawner.home_size = 1
c.EC2Spawner.tags = {"user": "{username}", "server": "{servername}"}
c.EC2Spawner.images = {
    "JupyterLab": {
        "image": demo["image"],
        "description": "with the packages that this computer has",
    },
}
c.EC2Spawner.sizes = {
    "Small": {"instance_type": "t3.small", "description": "to look around, to teach"},
    "Medium": {"instance_type": "t3.large", "description": "everyday work with data"},
    "Large": {
        "instance_type": "m7i.2xlarge",
        "description": "models and big tables",
    },
}
if demo["builds"]:
    # What images from repositories begin with, and which users may name.
    c.EC2Spawner.image = demo["image"]
    c.EC2Spawner.build_sources = ["https://github.com/*/*"]
c.Spawner.default_url = "/lab"
c.JupyterHub.allow_named_servers = True

# Last, because services get an environment of their own: everything of a demo can be
# told by its marker, and so be ended.
for service in c.JupyterHub.services:
    service.setdefault("environment", {}).update(demo["marker"])
