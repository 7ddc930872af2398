"""Drives the simulator through the vendor's own SDKs. Usage: huawei_sdk.py HOST:PORT"""

import json
import logging
import sys
import time
import urllib.error
import urllib.request

from huaweicloudsdkcore.auth.credentials import BasicCredentials, GlobalCredentials
from huaweicloudsdkcore.exceptions.exceptions import ConnectionException, ServiceResponseException
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkiam.v3 import IamClient, KeystoneCreateUserTokenByPasswordRequest
from huaweicloudsdkroma.v2 import (CreateProductRequest, DeleteProductRequest, ListDevicesInProductRequest,
                                   ListProductsRequest, ResetProductAuthenticationRequest, RomaClient,
                                   ShowProductAuthenticationRequest, ShowProductRequest, UpdateProductRequest)

logging.disable(logging.CRITICAL)

ENDPOINT = "http://" + sys.argv[1]
ACCESS_KEY = "QTWAOYTTINDUT2QVKYUC"
SECRET_KEY = "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc"
PROJECT = "397cd10b30544c588b2f4a56d83856c4"
INSTANCE = "f3bb386a-23ec-47aa-9943-4c60ac658611"
APP = "a1503e51-46f7-4d23-8617-7cb2d28dde98"
PRODUCTS = "huawei/accounts/default/products"
checks = 0


def client(access_key=ACCESS_KEY, secret_key=SECRET_KEY, token=None, project=PROJECT):
    credentials = BasicCredentials(access_key, secret_key, project)
    if token:
        credentials.with_security_token(token)
    return (RomaClient.new_builder().with_credentials(credentials).with_endpoint(ENDPOINT)
            .with_http_config(HttpConfig.get_default_config()).build())


def lamp(name, **more):
    """Body of a create."""
    body = {"app_id": APP, "name": name, "manufacturer_id": "acme01", "manufacturer_name": "Acme",
            "model": "SL.100 v2", "product_type": 0, "protocol_type": 0, "device_type": "Default",
            "description": "路灯 &+ d", "data_format": 0}
    body.update(more)
    return {key: value for key, value in body.items() if value is not None}


def create(sdk, body, instance=INSTANCE):
    return sdk.create_product(CreateProductRequest(instance_id=instance, body=body))


def listed(sdk, **query):
    return sdk.list_products(ListProductsRequest(instance_id=INSTANCE, **query))


def show(sdk, product):
    return sdk.show_product(ShowProductRequest(instance_id=INSTANCE, product_id=product))


def update(sdk, product, **body):
    return sdk.update_product(UpdateProductRequest(instance_id=INSTANCE, product_id=product, body=body))


def delete(sdk, product):
    return sdk.delete_product(DeleteProductRequest(instance_id=INSTANCE, product_id=product))


def devices(sdk, product):
    return sdk.list_devices_in_product(ListDevicesInProductRequest(instance_id=INSTANCE, product_id=product)).summary


def authentication(sdk, product, **body):
    if body:
        request = ResetProductAuthenticationRequest(instance_id=INSTANCE, product_id=product, body=body)
        return sdk.reset_product_authentication(request)
    return sdk.show_product_authentication(ShowProductAuthenticationRequest(instance_id=INSTANCE, product_id=product))


def check(condition, what):
    global checks
    checks += 1
    assert condition, what


def refused(status, code, what, *arguments, **named):
    """Calls, and returns the message of the refusal that must follow."""
    try:
        answer = what(*arguments, **named)
    except ServiceResponseException as error:
        check((error.status_code, str(error.error_code)) == (status, code), "wanted %s, got %s" % (code, error))
        check(error.request_id, "no request id: %s" % error)
        return error.error_msg
    raise AssertionError("wanted %s, got %s" % (code, answer))


def admin(method, path, document=None):
    data = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request("%s/_admin/%s" % (ENDPOINT, path), data=data, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def quirks(**values):
    admin("PATCH", "settings", {"huawei": values})


def whole_life(sdk, name, kind):
    """Every product call once."""
    made = create(sdk, lamp(name, product_type=kind, version="v1"))
    check(made.id > 2 ** 53, "a large id")
    check(made.authentication.password.strip("*") == "", "a masked password")
    check(made.authentication.user_name == made.product_serial, "the serial is the first user name")
    seen = show(sdk, made.id)
    for field in ("id", "product_serial", "name", "description", "model", "version", "product_type", "created_datetime"):
        check(getattr(seen, field) == getattr(made, field), field)
    check((seen.app_id, seen.app_name, seen.description) == (APP, "factory", "路灯 &+ d"), seen)
    page = listed(sdk, limit=10, offset=0)
    check(page.items[0].id == made.id and page.size == len(page.items) <= page.total, "newest first")

    changed = update(sdk, made.id, name=name + "-2", manufacturer_id="acme02", manufacturer_name="Acme 2",
                     model="SL.200", device_type="lamp", description="", version="v2")
    check(changed.name == name + "-2" and changed.id == made.id, changed)
    seen = show(sdk, made.id)
    check((seen.name, seen.device_type, seen.description, seen.version) == (name + "-2", "lamp", "", "v2"), seen)
    check(seen.authentication.user_name == made.product_serial, "an update leaves the authentication alone")

    check(authentication(sdk, made.id).password.strip("*") == "", "masked on a read")
    answer = authentication(sdk, made.id, user_name="street-lamp-1", password="Pa55-word~of-lamps")
    check(answer.user_name == "street-lamp-1" and answer.password.strip("*") == "", answer)
    held = admin("GET", "%s/%d" % (PRODUCTS, made.id))
    check((held["user_name"], held["password"]) == ("street-lamp-1", "Pa55-word~of-lamps"), held)
    authentication(sdk, made.id, user_name="street-lamp-2", password="")
    held = admin("GET", "%s/%d" % (PRODUCTS, made.id))
    check((held["user_name"], held["password"]) == ("street-lamp-2", "Pa55-word~of-lamps"), held)
    authentication(sdk, made.id, user_name="", password="")
    held = admin("GET", "%s/%d" % (PRODUCTS, made.id))
    check(held["user_name"] == "street-lamp-2" and held["password"] != "Pa55-word~of-lamps", "a password made anew")
    check(held["password_changes"] == 2, held)

    admin("PATCH", "%s/%d" % (PRODUCTS, made.id), {"device_count": 3})
    check(devices(sdk, made.id) == 3, "devices")
    quirks(devices_block_delete=True)
    refused(400, "ROMA.00110001", delete, sdk, made.id)
    quirks(devices_block_delete=False)
    delete(sdk, made.id)
    for call in (show, delete, devices, authentication):
        refused(404, "ROMA.00110006", call, sdk, made.id)
    refused(404, "ROMA.00110006", update, sdk, made.id, name="n", manufacturer_id="mm", manufacturer_name="MM",
            model="mo", device_type="t")


def names(sdk):
    first = create(sdk, lamp("taken"))
    message = refused(400, "ROMA.00110001", create, sdk, lamp("taken"))
    check("name:" in message, message)
    other = create(sdk, lamp("other"))
    rest = {"manufacturer_id": "acme01", "manufacturer_name": "Acme", "model": "SL.100", "device_type": "Default"}
    refused(400, "ROMA.00110001", update, sdk, other.id, name="taken", **rest)
    update(sdk, other.id, name="other", **rest)
    quirks(duplicate_code="ROMA.00110099")
    refused(400, "ROMA.00110099", create, sdk, lamp("taken"))
    quirks(unique_names=False, duplicate_code="ROMA.00110001")
    second = create(sdk, lamp("taken"))
    check(second.id != first.id, "two products of one name")
    check({item.id for item in listed(sdk, limit=999, name="taken").items} == {first.id, second.id}, "both listed")
    quirks(unique_models=True)
    message = refused(400, "ROMA.00110001", create, sdk, lamp("third"))
    check("model:" in message, message)
    quirks(unique_names=True, unique_models=False)
    # Names of products that the caller does not see are taken too.
    apps = [{"app_id": APP, "name": "factory"}, {"app_id": "hidden-app", "name": "hidden", "granted": False}]
    admin("PATCH", "huawei/accounts/default", {"instances": [{"instance_id": INSTANCE, "apps": apps,
                                                              "templates": {"7": "lamps"}, "product_limit": 500}]})
    hidden = admin("POST", PRODUCTS, {"name": "invisible", "app_id": "hidden-app"})
    check(listed(sdk, limit=999, name="invisible").total == 0, "hidden")
    refused(400, "ROMA.00110001", create, sdk, lamp("invisible"))
    refused(403, "ROMA.00110008", show, sdk, hidden["id"])
    refused(403, "ROMA.00110005", create, sdk, lamp("n", app_id="hidden-app"))
    admin("DELETE", PRODUCTS)


def values(sdk):
    message = refused(400, "ROMA.00110001", create, sdk, {"name": "a b", "product_type": 2})
    for field in ("app_id", "name", "manufacturer_id", "manufacturer_name", "model", "product_type", "protocol_type"):
        check("%s:" % field in message, "all wrong fields at once, %s among them: %s" % (field, message))
    wrong = [("name", "x" * 65), ("name", "a.b"), ("manufacturer_id", "m"), ("manufacturer_id", "a.b"),
             ("manufacturer_name", "M"), ("model", "m"), ("model", "a/b"), ("product_type", 5), ("protocol_type", 3),
             ("data_format", 2), ("description", "d" * 201), ("app_id", ""), ("name", 5), ("template_id", "x")]
    for field, value in wrong:
        message = refused(400, "ROMA.00110001", create, sdk, dict(lamp("good"), **{field: value}))
        check("[%s:" % field in message, message)
    refused(404, "ROMA.00110006", create, sdk, lamp("good", app_id="unknown"))
    refused(404, "ROMA.00110006", create, sdk, lamp("good", template_id=8))
    refused(500, "ROMA.00110002", create, sdk, lamp("good"), instance="f3bb386a-0000-47aa-9943-4c60ac658611")
    made = create(sdk, lamp("good", manufacturer_id=10001, model="  SL  ", template_id=7.9, device_type=None,
                            description=None, data_format=None))
    seen = show(sdk, made.id)
    check((seen.manufacturer_id, seen.model, seen.device_type, seen.data_format) == ("10001", "SL", "Default", 0), seen)
    held = admin("GET", "%s/%d" % (PRODUCTS, made.id))
    check(held["template_id"] == 7, held)
    message = refused(400, "ROMA.00110001", update, sdk, made.id, name="good")
    check("device_type:" in message and "model:" in message, message)
    rest = {"name": "good", "manufacturer_id": "acme01", "manufacturer_name": "Acme", "model": "SL", "device_type": "t"}
    update(sdk, made.id, description="d", version="v", **rest)
    update(sdk, made.id, **rest)
    check(show(sdk, made.id).version == "", "what an update leaves out is cleared")
    update(sdk, made.id, description="d", version="v", **rest)
    quirks(update_keeps_omitted=True)
    update(sdk, made.id, **rest)
    check((show(sdk, made.id).description, show(sdk, made.id).version) == ("d", "v"), "or kept, by a switch")
    quirks(update_keeps_omitted=False)
    weak = ("short-1A", "no-digits-in-here-A", "no-upper-in-here-1", "NO-LOWER-IN-HERE-1", "nospecial1Ainthere",
            "Space in it-1234567", "x" * 30 + "A1-")
    for password in weak:
        message = refused(400, "ROMA.00110001", authentication, sdk, made.id, password=password)
        check("password:" in message and password not in message, message)
    refused(400, "ROMA.00110001", authentication, sdk, made.id, user_name="under_score_")
    refused(400, "ROMA.00110001", authentication, sdk, made.id, user_name="short")
    refused(400, "SCB.00000000", show, sdk, "abc")
    refused(400, "SCB.00000000", listed, sdk, limit="x")
    admin("DELETE", PRODUCTS)


def pages(sdk):
    for number in range(25):
        admin("POST", PRODUCTS, {"name": "p-%d" % number, "model": "m%d" % (number % 2), "device_type": "t"})
    check((listed(sdk).size, listed(sdk).total) == (10, 25), "ten by default")
    quirks(default_page=3)
    check(listed(sdk).size == 3, "or three")
    found = [item.id for offset in (0, 10, 20, 30) for item in listed(sdk, limit=10, offset=offset).items]
    check(len(found) == len(set(found)) == 25, "every product once")
    check(listed(sdk, limit=5000).size == 25, "a limit above 999 is cut")
    check(listed(sdk, limit=99, name="p-1").total == 11, "the name filter finds parts of names")
    quirks(exact_name_filter=True)
    check(listed(sdk, limit=99, name="p-1").total == 1, "or whole ones")
    quirks(exact_name_filter=False, default_page=10)
    first = listed(sdk, limit=1).items[0]
    check(listed(sdk, limit=99, model="m1").total == 12, "by model")
    check(listed(sdk, id=str(first.id)).total == 1, "by id")
    check(listed(sdk, product_serial=first.product_serial).items[0].id == first.id, "by serial")
    check(listed(sdk, limit=99, product_type=1).total == 0, "by type")
    check(listed(sdk, app_id="other").total == 0, "by application")
    admin("PATCH", "huawei/accounts/default",
          {"instances": [{"instance_id": INSTANCE, "apps": [{"app_id": APP, "name": "factory"}], "product_limit": 25}]})
    refused(500, "ROMA.00110004", create, sdk, lamp("one-more"))
    admin("DELETE", PRODUCTS)


def keys(sdk):
    refused(401, "APIG.0301", listed, client(access_key="UNKNOWN"))
    message = refused(401, "APIG.0301", listed, client(token="stray"))
    check("token" in message, message)
    refused(403, "APIG.0302", listed, client(project="0" * 32))
    listed(sdk)
    for attempt in range(6):
        message = refused(401, "APIG.0301", listed, client(secret_key="WRONG"))
        check("verify aksk signature fail" in message, message)
        check(admin("GET", "huawei/keys/" + ACCESS_KEY)["was_locked"] == (attempt == 5), "the sixth failure locks")
    message = refused(401, "APIG.0301", listed, sdk)
    check("reach the limit" in message, message)
    admin("DELETE", "huawei/keys/" + ACCESS_KEY)
    listed(sdk)
    for skew in (14 * 60, -14 * 60):
        admin("PATCH", "settings", {"clock_skew_seconds": skew})
        listed(sdk)
    for skew in (16 * 60, -16 * 60):
        admin("PATCH", "settings", {"clock_skew_seconds": skew})
        check("signature expired" in refused(401, "APIG.0301", listed, sdk), "a clock that is far off")
    admin("PATCH", "settings", {"clock_skew_seconds": 0})
    listed(sdk)
    account = admin("GET", "huawei/accounts/default")
    admin("PUT", "huawei/accounts/default/keys",
          [{"access_key": "TEMPORARY", "secret_key": "SK", "security_token": "SESSION"}])
    refused(401, "APIG.0301", listed, sdk)
    check(listed(client("TEMPORARY", "SK", token="SESSION")).total == 0, "a temporary key")
    refused(401, "APIG.0301", listed, client("TEMPORARY", "SK"))
    admin("PUT", "huawei/accounts/default/keys", account["keys"])
    admin("PUT", "huawei/accounts/second", {"keys": [{"access_key": "AK2", "secret_key": "SK2"}], "project_id": "p2"})
    check(listed(client("AK2", "SK2", project="p2")).total == 0, "another account")


def with_token(token, method="GET", path="/products?limit=10", body=None):
    """A call with a token, which the SDK of ROMA Connect does not make."""
    url = "%s/v2/%s/link/instances/%s%s" % (ENDPOINT, PROJECT, INSTANCE, path)
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method)
    request.add_header("X-Auth-Token", token)
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def login_by_key(iam):
    """What only public code shows."""
    key = {"access": {"key": ACCESS_KEY}, "secret": {"key": SECRET_KEY}}
    body = {"auth": {"identity": {"methods": ["hw_ak_sk"], "hw_ak_sk": key}, "scope": {"project": {"id": PROJECT}}}}
    return iam.keystone_create_user_token_by_password(KeystoneCreateUserTokenByPasswordRequest(body=body))


def tokens():
    iam = (IamClient.new_builder().with_credentials(GlobalCredentials(ACCESS_KEY, SECRET_KEY, "domain"))
           .with_endpoint(ENDPOINT).build())

    def login(name="iot-operator", password="Pa55-word-of-iam", domain="acme", scope=None, nocatalog="true"):
        user = {"name": name, "password": password, "domain": {"name": domain}}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}},
                         "scope": {"project": scope or {"id": PROJECT}}}}
        request = KeystoneCreateUserTokenByPasswordRequest(nocatalog=nocatalog, body=body)
        return iam.keystone_create_user_token_by_password(request)

    answer = login()
    check(answer.token.project.id == PROJECT and answer.token.user.name == "iot-operator", answer)
    check(answer.token.expires_at.endswith(".000000Z"), answer.token.expires_at)
    token = answer.x_subject_token
    check(len(token) > 100, "a long token")
    check(login(scope={"name": "cn-north-4"}).x_subject_token != token, "by the region's name, and a new one")
    for wrong in ({"password": "WRONG"}, {"name": "nobody"}, {"domain": "other"}):
        refused(401, "401", login, **wrong)
    refused(404, "404", login, scope={"id": "0" * 32})
    refused(400, "400", login, scope={"domain": {}})
    check(with_token(token)[0] == 200, "the token opens")
    refused(400, "400", login_by_key, iam)
    quirks(key_logins=True)
    check(with_token(login_by_key(iam).x_subject_token)[0] == 200, "a token for a key, by a switch")
    quirks(key_logins=False)
    status, made = with_token(token, "POST", "/products", lamp("by-token"))
    check(status == 201 and made["name"] == "by-token", made)
    check(with_token(token, "DELETE", "/products/%d" % made["id"])[0] == 204, "deleted by token")
    status, answer = with_token("made-up")
    check((status, answer["error_code"]) == (401, "APIG.0301"), answer)
    admin("POST", "huawei/accounts/default/revoke", {})
    status, answer = with_token(token)
    check((status, answer["error_code"]) == (401, "APIG.0307"), answer)
    fresh = login().x_subject_token
    admin("PATCH", "settings", {"clock_skew_seconds": 24 * 3600 - 60})
    check(with_token(fresh)[0] == 200, "a day")
    admin("PATCH", "settings", {"clock_skew_seconds": 24 * 3600 + 60})
    check(with_token(fresh)[1]["error_code"] == "APIG.0301", "and no longer")
    admin("PATCH", "settings", {"clock_skew_seconds": 0})
    check(with_token(fresh, path="/unknown")[1]["error_code"] == "APIG.0101", "no such route")


def faults(sdk):
    def with_fault(fault):
        admin("PUT", "faults", [{"action": "CreateProduct", "times": 1, "fault": fault}])

    with_fault({"kind": "throttle"})
    refused(429, "APIG.0308", create, sdk, lamp("f"))
    for code, status in (("APIG.0201", 504), ("APIG.0307", 401), ("ROMA.00110005", 403), ("ROMA.00110000", 500)):
        with_fault({"kind": "error", "code": code})
        refused(status, code, create, sdk, lamp("f"))
    check(listed(sdk).total == 0, "no effect")
    with_fault({"kind": "drop", "when": "after"})
    try:
        create(sdk, lamp("f"))
        raise AssertionError("a cut connection was an answer")
    except ConnectionException:
        check(listed(sdk).total == 1, "the cut create took effect")
    admin("PUT", "faults", [{"action": "ListProducts", "list_lag_ms": 60000, "fault": {"kind": "none"}}])
    check(listed(sdk).total == 0, "a list that lags")
    admin("DELETE", "faults")
    admin("PATCH", "settings", {"quota": {"mode": "sliding", "per_second": 2}})
    for _ in range(1000):
        try:
            listed(sdk)
        except ServiceResponseException as error:
            # Of a GET the SDK tells the status alone.
            check(error.status_code == 429, error)
            return
    raise AssertionError("1000 calls passed a quota of 2 a second")


def main():
    admin("PATCH", "settings", {"quota": {"mode": "off"}})
    sdk = client()
    begun = time.time() * 1000
    whole_life(sdk, "lamp", 0)
    whole_life(sdk, "路灯_01", 1)
    check(abs(create(sdk, lamp("now")).created_datetime - begun) < 60000, "milliseconds")
    admin("DELETE", PRODUCTS)
    names(sdk)
    values(sdk)
    pages(sdk)
    keys(sdk)
    tokens()
    faults(sdk)
    print("%d checks passed" % checks)


main()
