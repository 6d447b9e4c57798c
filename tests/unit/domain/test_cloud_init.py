"""`cloud_init:` of a VM: what it takes, what it says of mistakes, and the seed that is made of it."""

import json
import subprocess
import textwrap
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from kvmspec.core.errors import ManifestError
from kvmspec.core.problem import Problem
from kvmspec.images.cloud_schema import complaints, schema_file
from kvmspec.images.seed import masked_files, reveal_files
from kvmspec.kinds.domain.cloud_check import check_with_schema
from kvmspec.kinds.domain.cloud_init import CloudInitSpec
from kvmspec.kinds.domain.create import _facts
from kvmspec.kinds.domain.guest_text import KEY, hostname_of
from kvmspec.kinds.domain.seed import SeedNic, fingerprint, seed_files
from kvmspec.kinds.domain.spec import VmSpec
from kvmspec.manifest.expand import expand
from kvmspec.manifest.load import load
from kvmspec.manifest.secrets import SecretStore
from kvmspec.manifest.section import Manifest
from kvmspec.pipeline import SECTIONS

UUID = "0f3a1f8e-6c1d-4b7e-9a53-2f1c6f0d9b11"
DHCP = SeedNic("front", "52:54:00:00:00:01")
STATIC = SeedNic("lan", "52:54:00:00:00:02", "10.0.0.5/24", "10.0.0.1", ("9.9.9.9",))
SECRET = "s3cr\"et'#: *&ü"
HEAD = """\
kvmspec: 1
project: shop
pools: {vms: {path: /srv/vms}}
variables:
  pw: {env: PW, secret: true}
  key: {file: id.pub}
vms:
  web:
    memory: 1GiB
    cloud_init:
"""

Load = Callable[..., Manifest]


@pytest.fixture
def read(tmp_path: Path) -> Load:
    """read(text, files): the manifest with this `cloud_init`, files beside it."""

    def read(text: str, files: Mapping[str, str] | None = None, pw: str = SECRET) -> Manifest:
        manifest = tmp_path / "m.yaml"
        manifest.write_text(HEAD + textwrap.indent(textwrap.dedent(text), " " * 6))
        for name, content in {"id.pub": f"# two keys\n{KEY}\n{KEY}2\n", **(files or {})}.items():
            (tmp_path / name).write_text(content)
        return load([manifest], sections=SECTIONS, environ={"PW": pw})

    return read


@pytest.fixture
def problems(read: Load) -> Callable[..., list[Problem]]:
    def problems(text: str, **options: Any) -> list[Problem]:
        with pytest.raises(ManifestError) as caught:
            read(text, **options)
        return list(caught.value.problems)

    return problems


def spec_of(manifest: Manifest) -> CloudInitSpec:
    vm = manifest.of("vm")[0].spec
    assert isinstance(vm, VmSpec) and vm.cloud_init is not None
    return vm.cloud_init


def files_of(manifest: Manifest, *nics: SeedNic, uuid: str = UUID) -> Mapping[str, Any]:
    return seed_files(
        spec_of(manifest), name="web", uuid=uuid, project="shop", nics=nics, secrets=manifest.secrets
    )


def texts(manifest: Manifest, *nics: SeedNic) -> dict[str, str]:
    return reveal_files(files_of(manifest, *nics), manifest.secrets)


def user_data(manifest: Manifest) -> Any:
    text = texts(manifest)["user-data"]
    assert text.startswith("#cloud-config\n")
    return yaml.safe_load(text)


def config(data: dict[str, Any]) -> Any:
    """The user-data of a spec without secrets."""
    spec, secrets = CloudInitSpec.model_validate(data), SecretStore()
    files = seed_files(spec, name="web", uuid=UUID, project="shop", nics=(), secrets=secrets)
    return yaml.safe_load(reveal_files(files, secrets)["user-data"])


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing": ({}, {}),
    "names": (
        {"hostname": "a", "fqdn": "a.shop.lan", "timezone": "Europe/Berlin", "locale": "C.UTF-8"},
        {"hostname": "a", "fqdn": "a.shop.lan", "timezone": "Europe/Berlin", "locale": "C.UTF-8"},
    ),
    "a user": (
        {"users": [{"name": "ops", "sudo": True, "groups": ["adm"], "shell": "/bin/sh", "ssh_keys": [KEY]}]},
        {
            "users": [
                {
                    "name": "ops",
                    "groups": ["adm"],
                    "sudo": "ALL=(ALL) NOPASSWD:ALL",
                    "shell": "/bin/sh",
                    "lock_passwd": True,
                    "ssh_authorized_keys": [KEY],
                }
            ]
        },
    ),
    "no sudo": (
        {"users": [{"name": "ops", "sudo": False}, "default"]},
        {"users": [{"name": "ops", "lock_passwd": True}, "default"]},
    ),
    "a rule of sudo": (
        {"users": [{"name": "ops", "sudo": "ALL=(ALL) ALL"}]},
        {"users": [{"name": "ops", "sudo": "ALL=(ALL) ALL", "lock_passwd": True}]},
    ),
    "keys of the image's own user keep it beside others": (
        {"users": ["root"], "ssh_keys": [f"{KEY}\n\n# another\n{KEY}2\n"]},
        {
            "users": ["default", {"name": "root", "lock_passwd": True}],
            "ssh_authorized_keys": [KEY, KEY + "2"],
        },
    ),
    "packages": (
        {"packages": ["nginx"], "package_update": True, "package_upgrade": False},
        {"packages": ["nginx"], "package_update": True, "package_upgrade": False},
    ),
    "files": (
        {
            "write_files": [
                {"path": "/a", "content": "x\n"},
                {"path": "/b", "content": "eA==", "encoding": "base64", "permissions": "600", "append": True},
                {"path": "/c", "owner": "www-data:www-data", "defer": True},
            ]
        },
        {
            "write_files": [
                {"path": "/a", "content": "x\n"},
                {"path": "/b", "content": "eA==", "encoding": "b64", "permissions": "0600", "append": True},
                {"path": "/c", "content": "", "owner": "www-data:www-data", "defer": True},
            ]
        },
    ),
    "commands": (
        {"runcmd": ["a && b", ["c", "d e"]], "bootcmd": ["x"]},
        {"bootcmd": ["x"], "runcmd": ["a && b", ["c", "d e"]]},
    ),
    "raw below typed": (
        {
            "user_data": "#cloud-config\npackages: [a]\nssh_pwauth: yes\napt: {x: 1}\nhostname: raw\n",
            "packages": ["b"],
            "hostname": "typed",
        },
        {"packages": ["a", "b"], "ssh_pwauth": True, "apt": {"x": 1}, "hostname": "typed"},
    ),
    "what raw says of expiry holds": (
        {"user_data": "#cloud-config\nchpasswd: {expire: true}\n", "password": "$6$abcdefgh$abcdefgh"},
        {"chpasswd": {"expire": True}, "password": "$6$abcdefgh$abcdefgh"},
    ),
    "dates and bytes of raw": (
        {"user_data": "#cloud-config\na: 2025-01-01\nb: !!binary eA==\n", "hostname": "x"},
        {"a": "2025-01-01", "b": b"x", "hostname": "x"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_user_data(case: str) -> None:
    data, expected = CASES[case]
    assert config(data) == expected


@pytest.mark.skipif(schema_file() is None, reason="cloud-init's schema is not on this machine")
@pytest.mark.parametrize("case", [case for case in CASES if "raw" not in case])
def test_user_data_fits_the_schema_of_cloud_init(case: str) -> None:
    assert complaints(config(CASES[case][0])) == []


@pytest.mark.skipif(which("cloud-init") is None, reason="cloud-init is not installed")
def test_cloud_init_itself_takes_it(read: Load, tmp_path: Path) -> None:
    file = tmp_path / "user-data"
    file.write_text(texts(read(EVERYTHING))["user-data"])
    ran = subprocess.run(["cloud-init", "schema", "-c", str(file)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


EVERYTHING = """
    fqdn: web.shop.lan
    password: ${pw}
    ssh_keys: ["${key}"]
    users:
      - {name: ops, gecos: Ops, sudo: true, password: "${pw}", groups: [adm], primary_group: ops,
         shell: /bin/bash, home: /srv/ops, uid: 1500, ssh_keys: ["${key}"], ssh_import_id: ["gh:x"]}
    packages: [nginx]
    package_update: true
    write_files: [{path: /etc/app.env, content: "K=${pw}\\n", owner: ops, permissions: "0600", defer: true}]
    runcmd: ["login ${pw}", [touch, /x]]
    bootcmd: ["true"]
    timezone: Europe/Berlin
    locale: en_GB.UTF-8
    ssh_pwauth: false
    user_data: |
      #cloud-config
      final_message: ${pw}
"""


def test_secrets_are_tokens_until_they_are_revealed(read: Load) -> None:
    manifest = read(EVERYTHING)
    files = files_of(manifest)
    shown = [json.dumps(files), *masked_files(files).values(), str(expand(manifest, SECTIONS)), repr(files)]
    assert not any("s3cr" in text for text in shown)
    assert "K=(secret)" in masked_files(files)["user-data"]
    data = user_data(manifest)
    assert data["write_files"][0]["content"] == f"K={SECRET}\n"
    assert data["runcmd"][0] == f"login {SECRET}"
    assert data["final_message"] == SECRET


def test_passwords_reach_the_guest_as_hashes(read: Load) -> None:
    from passlib.hash import sha512_crypt

    manifest = read(EVERYTHING)
    data = user_data(manifest)
    hashes = [data["password"], data["users"][1]["hashed_passwd"]]
    assert all(sha512_crypt.verify(SECRET, each) for each in hashes)
    assert hashes[0] != hashes[1], "each user has a salt of its own"
    assert user_data(read(EVERYTHING)) == data, "the same every time"
    assert data["users"][1]["lock_passwd"] is False
    assert manifest.secrets.hide(f"x {hashes[0]}") == "x (secret)"


def test_a_literal_password_is_hidden(read: Load) -> None:
    manifest = read("users: [{name: ops, password: s3cret!}]")
    assert "s3cret!" not in str(expand(manifest, SECTIONS)) + json.dumps(files_of(manifest))


def test_keys_of_a_file_with_several(read: Load) -> None:
    assert user_data(read('ssh_keys: ["${key}"]'))["ssh_authorized_keys"] == [KEY, KEY + "2"]


def test_a_raw_config_alone_stays_as_it_is(read: Load) -> None:
    raw = "#cloud-config\n# why\npackages: [a]  # b\n"
    assert texts(read("user_data: {file: u.yaml}", {"u.yaml": raw}))["user-data"] == raw


def test_a_script_goes_beside_the_fields(read: Load) -> None:
    from email import message_from_string

    text = texts(read('user_data: "#!/bin/sh\\necho ${pw}\\n"\npackages: [a]'))["user-data"]
    parts = [part for part in message_from_string(text).walk() if not part.is_multipart()]
    assert [part.get_content_type() for part in parts] == ["text/x-shellscript", "text/cloud-config"]
    assert parts[0].get_payload(decode=True) == f"#!/bin/sh\necho {SECRET}\n".encode()
    assert yaml.safe_load(parts[1].get_payload(decode=True)) == {"packages": ["a"]}


def test_a_mime_message_is_nested(read: Load) -> None:
    from email import message_from_string

    raw = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n--x--\n"
    text = texts(read("user_data: {file: u}\nhostname: a", {"u": raw}))["user-data"]
    types = [part.get_content_type() for part in message_from_string(text).walk()]
    assert types == ["multipart/mixed", "multipart/mixed", "text/x-shellscript", "text/cloud-config"]


def test_vendor_data_and_networks_as_stated(read: Load) -> None:
    manifest = read(
        'vendor_data: "#cloud-config\\npassword: ${pw}\\n"\nnetwork_config: {file: n.yaml}',
        {"n.yaml": "network:\n  version: 2\n  ethernets: {eth0: {dhcp4: true}}\n"},
    )
    made = {name: yaml.safe_load(text) for name, text in texts(manifest, STATIC).items()}
    assert made["vendor-data"] == {"password": SECRET}
    assert made["network-config"] == {"version": 2, "ethernets": {"eth0": {"dhcp4": True}}}


def test_dhcp_needs_no_network_config(read: Load) -> None:
    assert list(files_of(read("hostname: a"), DHCP)) == ["meta-data", "user-data"]


def test_one_static_address_configures_all_interfaces(read: Load) -> None:
    made = yaml.safe_load(texts(read("hostname: a"), DHCP, STATIC)["network-config"])
    assert made == {
        "version": 2,
        "ethernets": {
            "eth0": {"match": {"macaddress": DHCP.mac}, "set-name": "eth0", "dhcp4": True},
            "eth1": {
                "match": {"macaddress": STATIC.mac},
                "set-name": "eth1",
                "dhcp4": False,
                "addresses": ["10.0.0.5/24"],
                "routes": [{"to": "0.0.0.0/0", "via": "10.0.0.1"}],
                "nameservers": {"addresses": ["9.9.9.9"]},
            },
        },
    }


NAMES = {"web": "web", "web_1": "web-1", "_x+": "x", "web.shop": "web.shop", "___": "vm"}


@pytest.mark.parametrize("name", NAMES)
def test_a_hostname_of_a_name(name: str) -> None:
    assert hostname_of(name) == NAMES[name]


def test_the_same_content_is_the_same_instance(read: Load) -> None:
    one, again = read(EVERYTHING), read(EVERYTHING)
    assert fingerprint(files_of(one), one.secrets, "shop") == fingerprint(
        files_of(again), again.secrets, "shop"
    )
    assert files_of(one)["meta-data"] == files_of(again)["meta-data"]


CHANGES: dict[str, Callable[[Load], tuple[Manifest, Mapping[str, Any]]]] = {
    "a value": lambda read: (m := read(EVERYTHING.replace("nginx", "httpd")), files_of(m)),
    "a secret": lambda read: (m := read(EVERYTHING, pw="other"), files_of(m)),
    "another VM": lambda read: (m := read(EVERYTHING), files_of(m, uuid="another")),
    "an address": lambda read: (m := read(EVERYTHING), files_of(m, STATIC)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_other_content_is_another_instance(read: Load, change: str) -> None:
    before = read(EVERYTHING)
    old = files_of(before)
    manifest, new = CHANGES[change](read)
    assert new["meta-data"] != old["meta-data"]
    assert fingerprint(new, manifest.secrets, "shop") != fingerprint(old, before.secrets, "shop")


def test_two_hundred_vms_with_one_password_cost_one_digest(read: Load) -> None:
    manifest = read(EVERYTHING, pw="for all")
    start = time.perf_counter()
    for number in range(200):
        files_of(manifest, uuid=str(number))
    assert time.perf_counter() - start < 1  # 200 digests would take 6 s


ERRORS = {
    "hostname: web_1": ("hostname", "a hostname is letters"),
    "fqdn: web": ("fqdn", "with its domain"),
    "hostnam: web": ("hostnam", "unknown key `hostnam`"),
    "users: [{name: Ops}]": ("users[Ops].name", "lower-case"),
    "users: [{sudo: true}]": ("users[0]", "`name` is required"),
    "users: [{name: default, sudo: true}]": ("users", "image's own user"),
    "users: [a, a]": ("", "the user `a` is there twice"),
    "users: [{name: a, shell: bash}]": ("users", "absolute path in the guest"),
    "users: [{name: a, password: ''}]": ("password", "empty password"),
    'users: [{name: a, password: "a\\nb"}]': ("password", "one line"),
    "users: [{name: root, sudo: true}]": ("users", "root needs no"),
    "ssh_keys: [hello]": ("ssh_keys[0]", "not an SSH public key"),
    "ssh_keys: ['']": ("ssh_keys[0]", "no SSH key"),
    f"ssh_keys: [{KEY[:60]}]": ("ssh_keys[0]", "cut short"),
    "ssh_keys: ['-----BEGIN OPENSSH PRIVATE KEY-----']": ("ssh_keys[0]", "private key"),
    "password: $$y$$j9T$$abcdefgh$$abcdefgh": ("password", "`users`"),
    "packages: [--yes]": ("packages[0]", "must look like"),
    "write_files: [{path: etc/x}]": ("write_files[0].path", "in the guest"),
    "write_files: [{path: /x, permissions: 644}]": ("permissions", 'in quotes, with a zero first: "0644"'),
    "write_files: [{path: /x, permissions: '0888'}]": ("permissions", "octal"),
    "write_files: [{path: /x, content: '%', encoding: base64}]": ("encoding", "not base64"),
    "write_files: [{path: /x}, {path: /x}]": ("", "written twice"),
    "users: [ops]\nwrite_files: [{path: /x, owner: ops}]": ("owner", "before the user ops is made"),
    "timezone: ../x": ("timezone", "must look like"),
    "user_data: hello": ("user_data", "would ignore this text"),
    'user_data: "#cloud-config\\na: [\\n"': ("user_data", "not YAML"),
    'user_data: "#cloud-config\\n- a\\n"': ("user_data", "is a map"),
    'user_data: "#cloud-config\\n1: a\\n"': ("user_data", "the key `1` is not text"),
    'user_data: "Content-Type: multipart/mixed; boundary=x\\n"': ("user_data", "MIME-Version"),
    "user_data: {file: gone.yaml}": ("user_data.file", "there is no file"),
    "user_data: {file: a, text: b}": ("user_data", "either `text` or `file`"),
    "network: {ethernets: {}}": ("network", "has `version: 2`"),
    "network: {version: 2, ethernet: {}}": ("network", "no `ethernet`"),
    "network: {version: 2}\nnetwork_config: 'version: 2'": ("", "either `network` or"),
    "network_config: hello": ("network_config", "is a map"),
    "on_change: restart": ("on_change", "expected"),
    "hostname: ${pw}": ("hostname", "kept secret"),
    "packages: ['${pw}']": ("packages[0]", "kept secret"),
}


@pytest.mark.parametrize("text", ERRORS)
def test_errors(problems: Callable[..., list[Problem]], text: str) -> None:
    path, words = ERRORS[text]
    found = problems(text)
    assert len(found) == 1
    assert words in found[0].message
    assert found[0].where is not None and found[0].where.line > 8
    assert "s3cr" not in str(found[0])
    if "[Ops]" not in path:
        assert path in found[0].path


def test_aliases_cannot_blow_up(problems: Callable[..., list[Problem]]) -> None:
    lines = ["#cloud-config", "a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    found = problems("user_data: {file: bomb}", files={"bomb": "\n".join(lines)})
    assert "too much data" in found[0].message


def test_a_user_without_a_way_in_is_a_warning(read: Load) -> None:
    warnings = read("users: [{name: ops}, {name: app, system: true}, root, default]").warnings
    assert [warning.message.partition(":")[0] for warning in warnings] == [
        "nobody can log in as ops",
        "nobody can log in as root",
    ]


@pytest.mark.skipif(schema_file() is None, reason="cloud-init's schema is not on this machine")
def test_a_raw_config_is_held_against_the_schema(read: Load) -> None:
    manifest = read('user_data: "#cloud-config\\npackagess: [a]\\nruncmd: ${pw}\\n"')
    found = [finding.message for finding in check_with_schema(spec_of(manifest), ("vms",))]
    assert found == [
        "cloud-init has no key `packagess`; did you mean `packages`?",
        '`runcmd` does not fit cloud-init\'s schema: type "array"',
    ]


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NASTY = st.text(alphabet="ab \n\t\r:#'\"*&!%@`|>-?{}[],\\é\x85\u2028\ufeff\0\U0001f600")


@settings(deadline=2000)
@given(TEXT | NASTY)
def test_any_secret_survives_in_a_file(value: str) -> None:
    secrets, none = SecretStore(), SecretStore()  # `none`: a digest of each example would take 30 ms
    raw = f"#cloud-config\nwrite_files: [{{path: /a, content: {secrets.token(value)}}}]\n"
    spec = CloudInitSpec.model_validate(
        {
            "user_data": raw,
            "write_files": [{"path": "/b", "content": f"[{secrets.token(value)}]"}],
            "runcmd": [secrets.token(value)],
        }
    )
    files = seed_files(spec, name="a", uuid=UUID, project="shop", nics=(), secrets=none)
    data = yaml.safe_load(reveal_files(json.loads(json.dumps(files)), secrets)["user-data"])
    assert [file["content"] for file in data["write_files"]] == [value, f"[{value}]"]
    assert data["runcmd"] == [value]


@settings(deadline=2000)
@given(TEXT | NASTY)
def test_any_content_survives(value: str) -> None:
    assert config({"write_files": [{"path": "/b", "content": value}]})["write_files"][0]["content"] == value


def test_a_text_that_utf8_cannot_hold() -> None:
    with pytest.raises(ValidationError, match="UTF-8"):
        CloudInitSpec.model_validate({"runcmd": ["\ud800"]})


def test_what_a_plan_shows_of_a_new_vm_has_no_tokens(read: Load) -> None:
    vm = read(EVERYTHING).of("vm")[0].spec
    assert isinstance(vm, VmSpec)
    shown = json.dumps(_facts(vm))
    assert "(secret)" in shown and "kvmspec-secret-" not in shown and "s3cr" not in shown


def test_a_file_is_relative_to_the_file_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/u").write_text("#cloud-config\npackages: [$x]\n")
    profile = "profiles: {p: {cloud_init: {hostname: b, user_data: {file: u}}}}\n"
    (tmp_path / "sub/p.yaml").write_text(profile)
    vm = "vms: {web: {profile: p, memory: 1GiB, cloud_init: {hostname: a}}}\n"
    (tmp_path / "m.yaml").write_text(f"kvmspec: 1\nproject: shop\npools: {{vms: {{path: /srv/vms}}}}\n{vm}")
    manifest = load([tmp_path], sections=SECTIONS, environ={})
    assert user_data(manifest) == {"packages": ["$x"], "hostname": "a"}
    assert "packages: [$x]" in str(expand(manifest, SECTIONS))
    (tmp_path / "sub/u").unlink()
    with pytest.raises(ManifestError) as caught:
        load([tmp_path], sections=SECTIONS, environ={})
    assert [(Path(p.where.file).name, p.path) for p in caught.value.problems if p.where] == [
        ("p.yaml", "vms.web.cloud_init.user_data.file")
    ]


def test_one_text_is_a_list_of_keys() -> None:
    """A variable that holds a .pub file stands for the whole list."""
    spec = CloudInitSpec.model_validate(
        {"ssh_keys": KEY, "users": [{"name": "ops", "ssh_keys": f"{KEY}\n{KEY}"}]}
    )
    assert [key.strip() for key in spec.ssh_keys] == [KEY]
    assert len(spec.users[0].ssh_keys) == 1
