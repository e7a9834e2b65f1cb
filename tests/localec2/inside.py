"""Two local EC2s in this process, one after the other; run by test_contract.py."""

import boto3

from localec2 import LocalSettings
from localec2.serve import LocalCloud

for _ in range(2):
    with LocalCloud(LocalSettings(pending_seconds=0)) as cloud:
        world = cloud.control.resources()
        ec2 = boto3.client(
            "ec2",
            endpoint_url=cloud.endpoint_url,
            region_name=cloud.region,
            aws_access_key_id="any",
            aws_secret_access_key="any",
        )
        assert ec2.describe_instances()["Reservations"] == []
        made = ec2.run_instances(
            ImageId=world.image_id, InstanceType="m5.large", MinCount=1, MaxCount=1
        )
        made = made["Instances"][0]["InstanceId"]
        print(cloud.control.wait_for_state(made, "running").state)
    assert not cloud.folder.exists()
    print("ended")
