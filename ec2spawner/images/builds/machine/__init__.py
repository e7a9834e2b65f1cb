"""What makes an image of a machine, on the machine. It travels in the user-data.

As the agent it makes itself a service: what cloud-init starts, and holds the console
open, cannot write to it any more once a login prompt is there. Python 3.8, and nothing
outside of this folder. It is given nothing secret, and has no rights on AWS.
"""
