"""Volumes, snapshots and images."""

from __future__ import annotations

from .rule import API, EBS, ERRORS, GUIDE, IDEMPOTENCY, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "volume-token",
        "CreateVolume",
        "The same client token gives the same volume.",
        IDEMPOTENCY,
    ),
    Rule(
        "root-volume",
        "RunInstances",
        "The root volume is always there, is deleted with the instance unless told "
        "otherwise, and is no smaller than the image's snapshot.",
        f"{API}/API_EbsBlockDevice.html",
    ),
    Rule(
        "volume-zone",
        "CreateVolume, AttachVolume",
        "Unknown zone: InvalidZone.NotFound; volume and instance in different zones: "
        "InvalidVolume.ZoneMismatch.",
        ERRORS,
    ),
    Rule(
        "volume-states",
        "Create-, Attach-, Detach-, DeleteVolume",
        "creating, attaching, detaching and deleting take their time; attaching or "
        "deleting what is not available: IncorrectState.",
        f"{EBS}/ebs-describing-volumes.html",
    ),
    Rule(
        "volume-in-use",
        "AttachVolume",
        "A volume that is attached: VolumeInUse.",
        ERRORS,
    ),
    Rule(
        "detach-busy",
        "DetachVolume",
        "While it is mounted a volume is busy, until it is unmounted, the machine "
        "ends, or it is detached by force.",
        f"{EBS}/ebs-detaching-volume.html",
    ),
    Rule(
        "device-name",
        "AttachVolume, RunInstances",
        "A device is named sdX or xvdX, else InvalidParameterValue or "
        "InvalidBlockDeviceMapping.",
        f"{GUIDE}/device_naming.html",
    ),
    Rule(
        "launch-volumes",
        "RunInstances",
        "Volumes of the block device mapping, also from snapshots, are made with the "
        "machine, and stay when it is terminated unless DeleteOnTermination is set.",
        f"{GUIDE}/block-device-mapping-concepts.html",
    ),
    Rule(
        "volume-grows",
        "ModifyVolume",
        "A volume only grows; one change at a time (IncorrectModificationState), "
        "four in 24 hours (VolumeModificationRateExceeded).",
        "https://github.com/awslabs/data-on-eks/pull/1106",
    ),
    Rule(
        "snapshots",
        "CreateSnapshot, CreateVolume",
        "A snapshot is pending, then completed, and only then a volume of any zone "
        "is made from it, no smaller than it; it holds what the volume held.",
        f"{EBS}/ebs-creating-snapshot.html",
    ),
    Rule(
        "index-of-tags",
        "DescribeTags",
        "Tags are listed by resource type, id, key and value, whatever DescribeVolumes "
        "shows at that moment.",
        f"{API}/API_DescribeTags.html",
    ),
    Rule(
        "attach-states",
        "AttachVolume",
        "Only to a running or stopped instance: IncorrectState.",
        f"{GUIDE}/ebs-attaching-volume.html",
    ),
    Rule(
        "device-in-use",
        "AttachVolume",
        "A device name in use: InvalidParameterValue.",
        ERRORS,
    ),
    Rule(
        "delete-in-use",
        "DeleteVolume, DeleteNetworkInterface, ReleaseAddress",
        "What is in use stays: VolumeInUse, InvalidNetworkInterface.InUse, "
        "InvalidIPAddress.InUse.",
        ERRORS,
    ),
    Rule(
        "detach",
        "DetachVolume",
        "InstanceId is optional; not attached: IncorrectState; the root volume of a "
        "running instance: OperationNotPermitted.",
        f"{API}/API_DetachVolume.html",
    ),
    Rule(
        "images",
        "CreateImage, RunInstances",
        "Of a running or stopped machine; a running one is rebooted unless NoReboot; "
        "pending, then available, and only then launched; names are unique.",
        f"{API}/API_CreateImage.html",
    ),
    Rule(
        "deregister-image",
        "DeregisterImage",
        "DeleteAssociatedSnapshots deletes the image's snapshots, too, except those "
        "that another image needs.",
        f"{API}/API_DeregisterImage.html",
    ),
    Rule(
        "copy-image",
        "CopyImage",
        "Into the Region that is asked, from any: pending, then available; snapshots "
        "of its own; tags only with CopyImageTags or from the request; of one that "
        "is available itself.",
        f"{GUIDE}/CopyingAMIs.html",
    ),
    Rule(
        "copy-image-token",
        "CopyImage",
        "The same client token gives the same image; without one, a second copy.",
        f"{API}/API_CopyImage.html",
    ),
    Rule(
        "copy-image-name",
        "CopyImage",
        "A name that is in use is taken all the same.",
        "https://github.com/hashicorp/packer/issues/2123",
    ),
    Rule(
        "image-deprecation",
        "EnableImageDeprecation",
        "From a time in the future on, rounded to the minute; its owner finds and "
        "launches it as ever.",
        f"{API}/API_EnableImageDeprecation.html",
    ),
    Rule(
        "pending-image",
        "ModifyImageAttribute",
        "An image that is pending is not shared: InvalidAMIID.Unavailable.",
        "https://github.com/SUSE-Enceladus/ec2imgutils/issues/45",
    ),
    Rule(
        "image-takes-volumes",
        "CreateImage, RunInstances",
        "Every attached volume becomes part of the image, and a launch makes copies, "
        "unless NoDevice leaves it out.",
        f"{GUIDE}/creating-an-ami-ebs.html",
    ),
)
