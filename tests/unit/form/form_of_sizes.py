"""A hub with sizes and images, its spawn form, and how to read it."""

import json
import re
from html import unescape

from ec2spawner.costs.price_list import PriceList
from ec2spawner.ec2.facts import Image, TypeFacts
from ec2spawner.form.known import Known
from ec2spawner.server.choice import Link, ServerChoice
from ec2spawner.spawner import EC2Spawner

X86, ARM = frozenset({"x86_64"}), frozenset({"arm64"})


TYPES = {
    "t3.medium": TypeFacts(X86, 4, cpus=2),
    "m7g.xlarge": TypeFacts(ARM, 16, cpus=4),
    "g4dn.xlarge": TypeFacts(X86, 16, cpus=4, gpus=("NVIDIA T4 16 GiB",)),
    "m7i.4xlarge": TypeFacts(X86, 64, cpus=16),
}


IMAGES = {
    "ami-hydro": Image("ami-hydro", "/dev/xvda", "x86_64", root_size=20),
    "ami-arm": Image("ami-arm", "/dev/xvda", "arm64", root_size=8),
}


PRICES = PriceList(
    given={"t3.medium": 0.0416, "t3.medium:spot": 0.0125, "g4dn.xlarge": 0.526}
)


SETTINGS = {
    "region": "us-west-2",
    "sizes": {
        "Small": "t3.medium",
        "Graviton": {"instance_type": "m7g.xlarge", "description": "<b>green</b>"},
        "GPU": "g4dn.xlarge",
        "Large": {
            "instance_type": "m7i.4xlarge",
            "allowed_groups": ["modellers"],
            "ask": "ada@lab.edu",
        },
    },
    "images": {
        "Hydrology": {"image": "ami-hydro", "version": "2026.2"},
        "ARM": "ami-arm",
    },
    "markets": ["on-demand", "spot"],
    "idle_timeouts": {
        "1 h": 3600,
        "30 min": {"idle_timeout": 1800, "default": True},
        "2 days": {"idle_timeout": 172800, "allowed_groups": ["modellers"]},
    },
}


def a_choice(known=None, **settings):
    facts = {
        "prices": PRICES,
        "type_facts": lambda region, name: TYPES.get(name),
        "image": lambda region, name, owners: IMAGES.get(name),
    }
    spawner = EC2Spawner(**{**SETTINGS, **settings})
    return spawner, ServerChoice(spawner, lambda: Known(**{**facts, **(known or {})}))


async def form(last=(), groups=(), link=Link(), sent=None, known=None, **settings):
    _, choice = a_choice(known, **settings)
    return await choice.render("ada", set(groups), dict(last), link, sent)


def card(page, key):
    """The text of a choice, and its input."""
    found = re.search(
        rf'<label class="card(?:(?!</label>).)*value="{key}".*?</label>', page, re.S
    )
    text = " ".join(unescape(re.sub(r"<[^>]+>", " ", found[0])).split())
    return text, re.search(rf"<input[^>]*value=\"{key}\"[^>]*>", found[0])[0]


def facts_of(page):
    """What the script of the form knows of each size."""
    return json.loads(re.search(r'ion/json">(.*?)</script>', page, re.S)[1])


def lasts(**chosen):
    return {"profile": "machine", "image": "hydrology", "size": "gpu", **chosen}
