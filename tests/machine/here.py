"""What a test does with machines and volumes, in few words."""

from ..localec2.conftest import client, eventually, request_for
from ..localec2.test_volumes import attachment, until
from .guest import Guest


class Here:
    """Machines and volumes of one test, and looks into the machines."""

    def __init__(self, cloud):
        self.control = cloud.control
        self.api = client(cloud)
        self.world = cloud.control.resources()
        self._images = []

    def launch(self, **more):
        wanted = request_for(self.world, **more)
        machine = self.api.run_instances(**wanted)["Instances"][0]["InstanceId"]
        self.control.wait_for_state(machine, "running")
        return machine

    def guest(self, machine):
        return Guest(self.control.machine(machine))

    def booted(self, machine, times=1):
        """Wait for cloud-init, the last to be done, and look into the machine."""

        def done():
            return self.guest(machine).console.count("finished at") == times

        eventually(done, 60)
        return self.guest(machine)

    def volume(self, **wanted):
        zone = {"AvailabilityZone": self.world.zones[0]}
        made = self.api.create_volume(**zone, **wanted)["VolumeId"]
        until(self.api, made, "available")
        return made

    def attach(self, volume, machine, device="/dev/sdf"):
        asked = {"VolumeId": volume, "InstanceId": machine, "Device": device}
        self.api.attach_volume(**asked)
        eventually(lambda: attachment(self.api, volume) == "attached")

    def detach(self, volume, **more):
        self.api.detach_volume(VolumeId=volume, **more)
        until(self.api, volume, "available")

    def image(self, machine, name, **more):
        """Make an image of a machine; when that is done, the image's id."""
        made = self.api.create_image(InstanceId=machine, Name=name, **more)["ImageId"]
        eventually(lambda: state_of_image(self.api, made) == "available", 60)
        self._images.append(made)
        return made

    def stop(self, machine):
        self.api.stop_instances(InstanceIds=[machine])
        self.control.wait_for_state(machine, "stopped", 60)

    def start(self, machine):
        self.api.start_instances(InstanceIds=[machine])
        self.control.wait_for_state(machine, "running")

    def terminate(self, machine):
        self.api.terminate_instances(InstanceIds=[machine])
        self.control.wait_for_state(machine, "terminated", 60)

    def tidy(self):
        """Delete images, and volumes that no machine has."""
        left = {image["ImageId"] for image in self.api.describe_images()["Images"]}
        for image in left.intersection(self._images):
            self.api.deregister_image(ImageId=image)
        for volume in self.api.describe_volumes()["Volumes"]:
            if volume["State"] == "available":
                self.api.delete_volume(VolumeId=volume["VolumeId"])


def state_of_image(api, image):
    return api.describe_images(ImageIds=[image])["Images"][0]["State"]
