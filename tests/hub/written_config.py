"""jupyterhub_config.py of a hub that `ec2spawner init` has written, on this computer.

What is written is taken as it is; below stands what is different here: ports, the local
EC2, its times, and a token for the tests.
"""

import json

load_subconfig("jupyterhub_config.py", ".")  # noqa: F821
c = get_config()  # noqa: F821

with open("options.json") as f:
    options = json.load(f)

c.JupyterHub.bind_url = options["bind_url"]
c.JupyterHub.hub_port = options["hub_port"]
c.TraefikProxy.traefik_api_url = options["proxy_api_url"]
c.JupyterHub.services.append({"name": "tests", "api_token": options["admin_token"]})
c.JupyterHub.load_roles.append(
    {
        "name": "tests",
        "scopes": ["admin:users", "admin:servers", "admin:server_state", "tokens"],
        "services": ["tests"],
    }
)
# What the hub's answers decide is not among them.
HERE = (
    *("endpoint_url", "prices_region", "claims_as_root", "cmd", "start_timeout"),
    *("poll_interval", "fast_interval", "slow_interval", "http_timeout"),
)
for name in HERE:
    setattr(c.EC2Spawner, name, options["spawner"][name])
