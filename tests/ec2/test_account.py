"""What an account may not have, told by EC2 as a launch asks for it."""

import pytest

from ec2spawner.core.errors import EC2SpawnError

from .test_attempts import asked, launch  # noqa: F401


async def test_a_size_that_the_free_plan_lacks_is_asked_for_once_and_another_tried(
    launch, ec2  # noqa: F811
):
    ec2.change_settings(free_plan=True)
    launched = await launch(instance_types=["t3.medium", "t3.micro"])
    assert (await launched.next()).instance_type == "t3.micro"
    assert [kind for kind, _ in asked(ec2)] == ["t3.medium", "t3.micro"]
    assert any("free plan has no t3.medium" in told for told in launched.told)


async def test_a_free_plan_without_any_of_the_sizes_is_told_as_such(
    launch, ec2  # noqa: F811
):
    ec2.change_settings(free_plan=True)
    with pytest.raises(EC2SpawnError, match="paid plan") as caught:
        await (await launch(instance_types=["t3.medium"])).next()
    assert "on the free plan" in caught.value.jupyterhub_message


async def test_terms_of_the_marketplace_are_a_matter_of_the_image(
    launch, ec2  # noqa: F811
):
    ec2.change_settings(marketplace_images=[ec2.resources().image_id])
    with pytest.raises(EC2SpawnError, match="accept its terms") as caught:
        await (await launch(instance_types=["t3.medium", "t3.micro"])).next()
    assert caught.value.reason == "image"
    # No other size and no other zone would do.
    assert len(asked(ec2)) == 1
