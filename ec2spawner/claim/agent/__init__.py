"""The ec2spawner agent: claims this machine's orders from the Hub and obeys them.

The files of this folder travel in the machine's user-data (`unpack`): what it takes to
claim. The folder ``work`` comes with the orders, and is kept for later boots. Both need
Python 3.8 and nothing else. Under systemd the agent installs itself as a service, so
that it runs at every boot. It never prints what it is ordered to keep: its output is
the machine's console.
"""
