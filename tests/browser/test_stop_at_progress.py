"""The button of JupyterHub 6.1's progress page would stop another server."""

import pytest

from .conftest import log_in

pytestmark = pytest.mark.browser


@pytest.mark.slow
async def test_stop_on_the_progress_page_of_a_named_server_stops_that_server(
    page, make_quick_hub, ec2
):
    hub = make_quick_hub()
    await hub.start()
    await log_in(page, hub.url, "alice")
    await hub.ready_server("alice")
    ec2.change_settings(pending_seconds=600)
    status, answer = await hub.start_server("alice", "two")
    assert status == 202, answer
    await page.goto(f"{hub.url}/hub/spawn-pending/alice/two")
    await page.get_by_role("button", name="Cancel this start").click()
    await hub.wait_gone("alice", "two")
    assert (await hub.server("alice"))["ready"]
