"""lab-hub: a hub on AWS that gives every user a machine of their own.

Written by `ec2spawner init`. hub.yaml has a copy, from which the hub's computer gets it
at its first boot: after a change before that, make hub.yaml anew by
`ec2spawner init --template`. Later change /srv/jupyterhub/jupyterhub_config.py on the
hub's computer, and then: sudo systemctl restart jupyterhub
"""

import json
import secrets
from pathlib import Path

import bcrypt

import ec2spawner

c = get_config()  # noqa: F821

# What CloudFormation has made for this hub: its address, subnets and security group.
# The hub's computer writes it at its first boot.
aws = json.loads(Path(__file__).with_name("aws.json").read_text())

# --- The hub ---------------------------------------------------------------------

# On loopback only: who has rights on AWS comes in by `aws ssm start-session`. Before
# you let others in, give the hub a domain name and HTTPS.
c.JupyterHub.bind_url = "http://127.0.0.1:8000"

# Where machines find the hub: port 8081 of its private address.
c.JupyterHub.hub_ip = "0.0.0.0"
c.JupyterHub.hub_port = 8081
c.JupyterHub.hub_connect_ip = aws["hub_ip"]

# A proxy that needs no Node.js. Its password is new at each start; since nobody can
# guess it, a cheap hash is safe, and traefik checks it at every call.
c.JupyterHub.proxy_class = "traefik_file"
c.TraefikProxy.traefik_api_url = "http://127.0.0.1:8099"
c.TraefikProxy.traefik_api_username = "hub"
c.TraefikProxy.traefik_api_password = secrets.token_urlsafe(32)
c.TraefikProxy.traefik_api_hashed_password = bcrypt.hashpw(
    c.TraefikProxy.traefik_api_password.encode(), bcrypt.gensalt(4)
).decode()

# --- People ----------------------------------------------------------------------

# Log in with an account of the hub's computer; its password is set there by
# `sudo passwd NAME`. For an institution's login see JupyterHub's oauthenticator.
c.JupyterHub.authenticator_class = "pam"
c.Authenticator.allowed_users = {"ada", "grace"}
c.Authenticator.admin_users = {"ada"}

# --- Machines --------------------------------------------------------------------

# The name under which the hub owns its machines. Keep it: with another the hub sees
# none of them.
c.EC2Spawner.hub_id = "lab-hub"
c.EC2Spawner.region = "us-west-2"
c.EC2Spawner.subnets = aws["subnets"]
c.EC2Spawner.security_groups = [aws["security_group"]]

# So that `pip install` works in a notebook: there is no NAT gateway. An address costs
# about 0.005 USD an hour; no machine takes calls on it.
c.EC2Spawner.public_ip = True

# The image: the newest that was made by `ec2spawner image build ... --name lab`.
c.EC2Spawner.image = "repo:lab"

# What users choose from. Price, CPUs and memory are shown beside it.
c.EC2Spawner.sizes = {
    "Small": "t3.medium",
    "Medium": "m7i.xlarge",
    "Large": "m7i.2xlarge",
}

# The disk of a machine, in GiB. It ends with the machine.
c.EC2Spawner.root_volume_size = 30

# The home of each user, in GiB: an encrypted volume that outlives machines.
c.EC2Spawner.home = "user"
c.EC2Spawner.home_size = 20
# A home is in one zone: let it move when that has no machine left.
c.EC2Spawner.home_may_move = True
# Of a user who is deleted a snapshot is left.
c.EC2Spawner.home_on_delete = "snapshot"

# AWS's billing can tell costs by these tags.
c.EC2Spawner.tags = {"hub": "lab-hub", "user": "{username}"}

c.EC2Spawner.default_url = "/lab"

# --- What it may cost ------------------------------------------------------------

# How many machines there may be at once. AWS has a quota of virtual CPUs, too.
c.EC2Spawner.max_machines = 20
c.EC2Spawner.max_machines_per_user = 2

# US dollars a month, for all users together. Then no machine starts, and those that
# run are stopped.
c.EC2Spawner.budgets = {"hub": 200}

# All people come in by one tunnel. Take it out when the hub has a domain name.
c.EC2Spawner.acknowledged = ["subdomains"]

# Use EC2Spawner, and stop a server that nobody uses, and on which nothing runs, for so
# many seconds.
ec2spawner.setup(c, idle_timeout=3600)
