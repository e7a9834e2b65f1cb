"""Images made of machines that boot: what they hold, and how they boot."""

import pytest

from localec2.roots import roots

from ..localec2.conftest import describe

# Something new, something changed, something removed, something replaced.
CHANGE = """
set -e
echo built > /opt/built
echo changed >> /etc/issue
rm /etc/debian_version
rm -r /etc/skel; mkdir /etc/skel; echo only > /etc/skel/this
setfattr() { python3 -c "import os, sys; os.setxattr(*sys.argv[1:3], b'kept')" "$@"; }
setfattr /opt/built user.note
"""
SEE = """
cat /opt/built; tail -n 1 /etc/issue; ls -A /etc/debian_version /etc/skel 2> /dev/null
python3 -c "import os; print(os.getxattr('/opt/built', 'user.note').decode())"
"""
SEEN = "built\nchanged\n/etc/skel:\nthis\nkept"
FIRST_BOOT = "#!/bin/sh\necho {} >> /first-boots\n"


@pytest.mark.slow
def test_a_machine_begins_with_what_its_image_was_made_of(here):
    first = here.launch(UserData=FIRST_BOOT.format("one"))
    guest = here.booted(first)
    machine_id = guest.run("cat /etc/machine-id")
    guest.run(CHANGE)
    image = here.image(first, "built", NoReboot=True)
    # What is written later is not in it, and what is written there comes not back.
    guest.run("echo later > /opt/later")
    second = here.launch(ImageId=image, UserData=FIRST_BOOT.format("two"))
    other = here.booted(second)
    assert other.run(SEE) == SEEN
    assert other.run("ls /opt/later", check=False) == ""
    # Another instance, so cloud-init does its first-boot work again; the rest is as it
    # was: nobody cleans up, here as on AWS.
    assert other.run("cat /first-boots") == "one\ntwo"
    assert other.run("cat /etc/machine-id") == machine_id
    assert second in other.run("cat /run/cloud-init/instance-data.json")
    other.run("echo changed > /opt/built")
    assert guest.run("cat /opt/built") == "built"


@pytest.mark.slow
def test_a_running_machine_is_rebooted_for_its_image_and_images_stack(here):
    first = here.launch(UserData=FIRST_BOOT.format("one"))
    guest = here.booted(first)
    guest.run(CHANGE)
    image = here.image(first, "first layer")
    assert "Reached target poweroff.target" in guest.console
    assert here.booted(first, 2).run("cat /first-boots") == "one"
    here.terminate(first)
    # An image needs neither the machine that it was made of, nor the image of that one.
    second = here.launch(ImageId=image, UserData=FIRST_BOOT.format("two"))
    here.booted(second).run("echo again >> /opt/built; rm /etc/skel/this")
    here.stop(second)
    stacked = here.image(second, "second layer")
    here.api.deregister_image(ImageId=image)
    here.terminate(second)
    third = here.launch(ImageId=stacked, UserData=FIRST_BOOT.format("three"))
    guest = here.booted(third)
    assert guest.run("cat /opt/built /first-boots") == "built\nagain\none\ntwo\nthree"
    assert guest.run("ls -A /etc/skel") == ""
    here.stop(third)
    here.start(third)
    assert "three" in here.booted(third, 2).run("cat /first-boots")


def test_the_roots_of_this_computer_are_images_of_its_owner(here):
    answer = here.api.describe_images(Owners=["self"])["Images"]
    images = {image["Name"]: image for image in answer}
    assert len(images) == len(answer)
    usual = here.world.image_name
    for root in roots.kept():
        image = images[f"ec2spawner-root-{root.name}"]
        for key in ("Architecture", "RootDeviceName", "RootDeviceType"):
            assert image[key] == images[usual][key]
        assert image["State"] == "available" and image["CreationDate"].startswith("20")


@pytest.mark.slow
def test_a_root_can_be_launched_as_an_image(here):
    name = f"ec2spawner-root-{roots.Recipe().name}"
    filters = [{"Name": "name", "Values": [name]}]
    (image,) = here.api.describe_images(Filters=filters)["Images"]
    machine = here.launch(ImageId=image["ImageId"])
    assert describe(here.api, machine)["ImageId"] == image["ImageId"]
    assert here.booted(machine).run("ls /opt/jupyter/bin/jupyterhub-singleuser")
