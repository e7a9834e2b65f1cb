"""What EC2Spawner is where nobody has set anything, or only a part."""

from types import SimpleNamespace

from ec2spawner import EC2Spawner


def spawner(**settings):
    hub = SimpleNamespace(api_url="http://10.0.0.5:8081/hub/api")
    return EC2Spawner(hub=hub, **settings)


def test_what_a_form_of_the_hubs_own_sends_arrives_as_jupyterhub_gives_it():
    form = {"course": ["geo", "bio"], "profile": ["large"]}
    own = spawner(options_form="<input name='course'>").options_from_form(form)
    assert own == {"course": ["geo", "bio"], "profile": "large"}
    assert spawner().options_from_form(form) == {"course": "geo", "profile": "large"}
