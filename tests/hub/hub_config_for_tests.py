"""jupyterhub_config.py of the hubs in tests; what varies is in options.json."""

import json

import bcrypt

import ec2spawner

c = get_config()  # noqa: F821

with open("options.json") as f:
    options = json.load(f)

c.JupyterHub.internal_ssl = options["internal_ssl"]
ec2spawner.setup(
    c, idle_timeout=options["idle_timeout"], cull_every=1, culler=options["culler"]
)

c.JupyterHub.bind_url = options["bind_url"]
c.JupyterHub.hub_port = options["hub_port"]
c.JupyterHub.proxy_class = "traefik_file"
c.TraefikProxy.traefik_api_url = options["proxy_api_url"]
c.TraefikProxy.traefik_api_username = "hub"
c.TraefikProxy.traefik_api_password = "local-only"
# traefik checks it at every call of its API: a hash that is dear costs 0.26 s each.
c.TraefikProxy.traefik_api_hashed_password = bcrypt.hashpw(
    b"local-only", bcrypt.gensalt(4)
).decode()
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.allow_named_servers = True
c.JupyterHub.init_spawners_timeout = 1
c.JupyterHub.services.append({"name": "tests", "api_token": options["admin_token"]})
c.JupyterHub.load_roles.append(
    {
        "name": "tests",
        "scopes": ["admin:users", "admin:servers", "admin:server_state", "tokens"],
        "services": ["tests"],
    }
)
for name, value in options["hub"].items():
    setattr(c.JupyterHub, name, value)
for name, value in options["spawner"].items():
    setattr(c.EC2Spawner, name, value)
exec(options["code"])
