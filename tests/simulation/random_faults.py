"""Two small hubs, and what may go wrong around them on random days."""

from __future__ import annotations

from localec2 import ListingFault

USERS = ("alice", "bob")
HUBS = (0, 1)
SETTINGS = {
    "fast_interval": 2,
    "slow_interval": 15,
    "poll_interval": 30,
    "sweep_interval": 30,
    "sweep_grace": 120,
    "claim_timeout": 120,
    "start_timeout": 200,
    "stop_timeout": 20,
    "home_size": 1,
    "profile_list": [
        {"display_name": name, "ec2spawner_override": {"instance_type": f"t3.{name}"}}
        for name in ("small", "large")
    ],
}
# What a hub that came back has to do, one after the other: wait for its machines until
# start_timeout, sweep (grace and two passes), bury (a minute between two tries, and
# EC2's consistency window).
STATED_SECONDS = 200 + 120 + 2 * 30 + 60 + 60 + 100

LISTING = "DescribeInstances"
CAPACITY = {"error": ("InsufficientInstanceCapacity", 500)}
FAULTS = {
    "no capacity": ("RunInstances", CAPACITY),
    "no quota": ("RunInstances", {"error": ("VcpuLimitExceeded", 400)}),
    "launch request lost": ("RunInstances", {"lose_request": True}),
    "launch answer lost": ("RunInstances", {"lose_answer": True}),
    "launch fails": ("RunInstances", {"error": ("InternalError", 500)}),
    "launch dies pending": (
        "RunInstances",
        {"state_reason": ("Server.InternalError", "error on launch")},
    ),
    "launch throttled": ("RunInstances", {"error": ("RequestLimitExceeded", 503)}),
    "stop fails": ("TerminateInstances", {"error": ("Unavailable", 503)}),
    "stop answer lost": ("TerminateInstances", {"lose_answer": True}),
    "rest fails": ("StopInstances", {"error": ("Unavailable", 503)}),
    "rest answer lost": ("StopInstances", {"lose_answer": True}),
    "cannot rest": ("StopInstances", {"error": ("UnsupportedOperation", 400)}),
    "no capacity to wake up": ("StartInstances", CAPACITY),
    "wake up answer lost": ("StartInstances", {"lose_answer": True}),
    "dies as it wakes up": (
        "StartInstances",
        {"state_reason": ("Server.InternalError", "error on launch")},
    ),
    "size cannot change": ("ModifyInstanceAttribute", {"error": ("Unsupported", 400)}),
    "home cannot be made": ("CreateVolume", {"error": ("VolumeLimitExceeded", 400)}),
    "home answer lost": ("CreateVolume", {"lose_answer": True}),
    "attachment fails": ("AttachVolume", {"error": ("InternalError", 500)}),
    "attachment answer lost": ("AttachVolume", {"lose_answer": True}),
    "detachment fails": ("DetachVolume", {"error": ("InternalError", 500)}),
    "homes are not listed": ("DescribeVolumes", {"error": ("Unavailable", 503)}),
    "listing fails": ("DescribeInstances", {"error": ("Unavailable", 503)}),
    "listing forbidden": ("DescribeInstances", {"error": ("ExpiredToken", 400)}),
    "listing is empty": (LISTING, {"listing": ListingFault(omit=("*",))}),
    "nothing is known": (LISTING, {"listing": ListingFault(omit=("*",), by_id=True)}),
    "listing is old": (LISTING, {"listing": ListingFault(seconds_old=45)}),
    "listing is older": (LISTING, {"listing": ListingFault(seconds_old=100)}),
    "rows come twice": (LISTING, {"listing": ListingFault(repeat=True)}),
    "rows come in another order": (LISTING, {"listing": ListingFault(reorder=True)}),
    "outage": ("*", {"error": ("Unavailable", 503)}),
    "no network": ("*", {"lose_request": True}),
}
ENDS = ("EC2 loses it", "its server ends", "it shuts down", "an admin terminates it")
