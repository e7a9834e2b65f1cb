"""The ec2spawner agent: claims this machine's orders from the Hub and obeys them.

It travels in the machine's user-data (`unpack`) and needs Python 3.8 and nothing
else. Under systemd it installs itself as a service, so that it runs at every boot. It
never prints what it is ordered to keep: its output is the machine's console.
"""
