"""A program as an agent's author would write it: the Python client with in-cluster configuration, and no word
about Drawbridge. It lists config maps, makes one, waits until a watch shows it, and deletes it. With "hold" it
watches until the watch ends, with "poll" it lists once for every line of its standard input, and with "sweep" it
deletes all config maps with the label sweep=NAME in one request."""

import sys

from kubernetes import client, config, watch

NAMESPACE_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
# Nothing here takes longer, in seconds.
PATIENCE = 60


def say(word):
    print(word, flush=True)


def round_trip(api, namespace, name):
    version = api.list_namespaced_config_map(namespace).metadata.resource_version
    say("listed")
    body = {"metadata": {"name": name}, "data": {"by": "python"}}
    api.create_namespaced_config_map(namespace, body)
    say("created")
    events = watch.Watch().stream(
        api.list_namespaced_config_map, namespace, resource_version=version, timeout_seconds=PATIENCE
    )
    if any(event["object"].metadata.name == name for event in events):
        say("watched")
    api.delete_namespaced_config_map(name, namespace)
    say("deleted")


def hold(api, namespace):
    response = api.list_namespaced_config_map(namespace, watch=True, _preload_content=False)
    say("watching")
    try:
        for _ in response.stream():
            pass
    except Exception as error:  # However it ends, it has ended.
        print(error, file=sys.stderr)
    say("ended")


def poll(api, namespace):
    for _ in sys.stdin:
        try:
            api.list_namespaced_config_map(namespace)
            say("listed")
        except client.ApiException as error:
            say(f"refused: {error.status} {error.body}")


def sweep(api, namespace, label):
    told = api.delete_collection_namespaced_config_map(namespace, label_selector=f"sweep={label}")
    if told.status == "Success":
        say("swept")


def main():
    what, name = sys.argv[1:]
    config.load_incluster_config()
    with open(NAMESPACE_FILE, encoding="utf-8") as file:
        namespace = file.read().strip()
    api = client.CoreV1Api()
    if what == "round":
        round_trip(api, namespace, name)
    elif what == "hold":
        hold(api, namespace)
    elif what == "poll":
        poll(api, namespace)
    elif what == "sweep":
        sweep(api, namespace, name)
    else:
        sys.exit(f"no such thing to do: {what}")


main()
