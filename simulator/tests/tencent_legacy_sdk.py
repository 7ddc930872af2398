"""Drives the simulator through the vendor's own SDK of API 2.0. Usage: tencent_legacy_sdk.py HOST:PORT"""

import json
import sys
import time
import urllib.request
from http.client import HTTPConnection

from QcloudApi.common import request as transport
from QcloudApi.common.api_exception import ApiServerNetworkException
from QcloudApi.qcloudapi import QcloudApi

ENDPOINT = sys.argv[1]
ACCOUNT = "tencent-legacy/accounts/legacy"
checks = 0


class PlainConnection(HTTPConnection):
    """The SDK opens nothing but TLS connections to port 443, and the simulator speaks plain HTTP on loopback.
    This is its own connection class without the TLS and the proxy; what it sends and signs is untouched."""

    request_length = 0


transport.MyHTTPSConnection = PlainConnection


class Refused(Exception):
    def __init__(self, answer):
        Exception.__init__(self, json.dumps(answer))
        self.answer = answer


def client(sign="HmacSHA256", method="POST", secret_id="AKIDEXAMPLE", secret_key="SECRETKEYEXAMPLE", token="",
           region="gz"):
    return QcloudApi("iotcloud", {"endpoint": ENDPOINT, "secretId": secret_id, "secretKey": secret_key, "Region": region,
                                  "method": method, "SignatureMethod": sign, "Token": token})


def call(on, action, **parameters):
    answer = json.loads(on.call(action, parameters, req_timeout=20))
    if int(answer["code"]) != 0:
        raise Refused(answer)
    check(answer["message"] == "", answer)
    return answer


def check(condition, what):
    global checks
    checks += 1
    assert condition, what


def refused(code, start, on, action, **parameters):
    """The call must be refused with this code and a message that starts so."""
    try:
        answer = call(on, action, **parameters)
    except Refused as error:
        check(error.answer["code"] == code, "%s: wanted %s, got %s" % (action, code, error))
        check(error.answer["message"].startswith(start), "%s: wanted %s, got %s" % (action, start, error))
        check(error.answer["codeDesc"] not in ("", "Success"), error)
        return
    raise AssertionError("%s: wanted %s %s, got %s" % (action, code, start, answer))


def admin(method, path, document=None):
    data = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request("http://%s/_admin/%s" % (ENDPOINT, path), data=data, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def whole_life(sdk, name):
    """Every action once, and what it refuses."""
    properties = {"productDescription": "温度 +&= sensors/_~", "encryptionType": "2", "region": "gz", "productType": 2}
    made = call(sdk, "CreateProduct", productName=name, productProperties=json.dumps(properties, ensure_ascii=False))
    product = made["productID"]
    check(made["productName"] == name and len(product) == 10, made)
    check(made["codeDesc"] == "Success", made)
    refused(5100, "(1001)", sdk, "CreateProduct", productName=name)

    listed = call(sdk, "ListProducts", pageNum=1, pageSize=10)
    check(listed["totalCnt"] == 1, listed)
    shown = listed["products"][0]
    check((shown["productID"], shown["productName"]) == (product, name), shown)
    check(shown["productProperties"] == properties, shown)
    check(shown["productMetadata"]["creationDate"] > 1700000000000, "milliseconds")
    past = call(sdk, "ListProducts", pageNum=2, pageSize=250)
    check((past["totalCnt"], past["products"]) == (1, []), past)

    admin("PATCH", ACCOUNT + "/products/" + product, {"DeviceCount": 12})
    devices = call(sdk, "ListDevices", productID=product, pageNum=2, pageSize=10)
    check((devices["totalCnt"], len(devices["devices"])) == (12, 2), devices)
    refused(5100, "(1005)", sdk, "DeleteProduct", productID=product)
    admin("PATCH", ACCOUNT + "/products/" + product, {"DeviceCount": 0})
    call(sdk, "DeleteProduct", productID=product)
    refused(5100, "(1004)", sdk, "DeleteProduct", productID=product)
    refused(5100, "(2008)", sdk, "ListDevices", productID=product, pageNum=1, pageSize=10)
    check(call(sdk, "ListProducts", pageNum=1, pageSize=10)["products"] == [], "gone from the list")


def keys(sdk):
    probe = {"pageNum": 1, "pageSize": 10}
    refused(4104, "", client(secret_id="AKIDUNKNOWN"), "ListProducts", **probe)
    for sign in ("HmacSHA256", "HmacSHA1"):
        for method in ("GET", "POST"):
            refused(4100, "", client(sign, method, secret_key="WRONG"), "ListProducts", **probe)
    refused(4105, "", client(token="stray"), "ListProducts", **probe)
    admin("PUT", "tencent-legacy/accounts/temporary", {
        "keys": [{"secret_id": "AKIDTEMP", "secret_key": "TEMPKEY", "token": "SESSION"}], "regions": ["gz"]})
    temporary = {"secret_id": "AKIDTEMP", "secret_key": "TEMPKEY"}
    check(call(client(token="SESSION", **temporary), "ListProducts", **probe)["totalCnt"] == 0, "another account")
    refused(4105, "", client(**temporary), "ListProducts", **probe)
    now = int(time.time())
    for off in (-7300, 7300):
        refused(4200, "", sdk, "ListProducts", Timestamp=now + off, **probe)
    for off in (-7100, 7100):
        call(sdk, "ListProducts", Timestamp=now + off, **probe)
    admin("PATCH", "settings", {"tencent_legacy": {"five_minute_clock": True}})
    refused(4200, "", sdk, "ListProducts", Timestamp=now - 400, **probe)
    call(sdk, "ListProducts", Timestamp=now - 200, **probe)
    call(sdk, "ListProducts", Nonce=4711, **probe)
    refused(4500, "", sdk, "ListProducts", Nonce=4711, **probe)
    # A nonce is not used up by who cannot sign.
    refused(4100, "", client(secret_key="WRONG"), "ListProducts", Nonce=4712, **probe)
    call(sdk, "ListProducts", Nonce=4712, **probe)
    refused(4000, "", sdk, "ListProducts", Nonce=0, **probe)


def values(sdk):
    refused(6100, "", sdk, "GetProduct", productID="A")
    refused(6100, "", sdk, "UpdateProduct", productID="A")
    refused(4000, "", client(region="bj"), "ListProducts", pageNum=1, pageSize=10)
    refused(4000, "", client(region=""), "ListProducts", pageNum=1, pageSize=10)
    for number, size in ((0, 10), (1, 9), (1, 251), (1, "x")):
        refused(4000, "(1003)", sdk, "ListProducts", pageNum=number, pageSize=size)
    refused(4000, "(1101)", sdk, "ListProducts", pageNum=1)
    refused(4000, "(1101)", sdk, "ListProducts", pageNum=1, pageSize=10, productName="a")
    refused(4000, "(2101)", sdk, "ListDevices", productID="A", pageNum=1, pageSize=101)
    refused(4000, "(1101)", sdk, "DeleteProduct")
    for name in ("", "a b", "x" * 33, "温度"):
        refused(4000, "(1101)", sdk, "CreateProduct", productName=name)
    wrong = ({"encryptionType": "3"}, {"encryptionType": 1}, {"region": "bj"}, {"productType": 3}, {"productType": "0"},
             {"productDescription": "x" * 501}, {"format": "json"})
    for properties in wrong:
        refused(4000, "(1101)", sdk, "CreateProduct", productName="t1", productProperties=json.dumps(properties))
    refused(4000, "(1101)", sdk, "CreateProduct", productName="t1", productProperties="{")
    # The SDK flattens what is not a text, and the properties are one parameter.
    refused(4000, "(1101)", sdk, "CreateProduct", productName="t1", productProperties={"region": "gz"})
    bare = call(sdk, "CreateProduct", productName="t1")["productID"]
    shown = call(sdk, "ListProducts", pageNum=1, pageSize=10)["products"][0]["productProperties"]
    check(shown == {"productDescription": "", "encryptionType": "1", "region": "gz", "productType": 0}, shown)
    admin("PATCH", ACCOUNT, {"product_limit": 1})
    refused(5100, "(1000)", sdk, "CreateProduct", productName="t2")
    admin("PATCH", ACCOUNT, {"product_limit": 2000, "suspended": True})
    refused(4300, "", sdk, "CreateProduct", productName="t2")
    admin("PATCH", ACCOUNT, {"suspended": False})
    call(sdk, "DeleteProduct", productID=bare)


def pages(sdk):
    for number in range(25):
        call(sdk, "CreateProduct", productName="page-%d" % number)
    seen = []
    for page in (1, 2, 3):
        listed = call(sdk, "ListProducts", pageNum=page, pageSize=10)
        check(listed["totalCnt"] == 25, listed)
        seen += [product["productName"] for product in listed["products"]]
    check(seen == ["page-%d" % number for number in reversed(range(25))], seen)
    admin("DELETE", ACCOUNT + "/products")


def oddities(sdk):
    admin("PATCH", "settings", {"tencent_legacy": {"full_width_parentheses": True, "no_code_desc": True,
                                                   "text_code": True, "empty_properties": True}})
    product = call(sdk, "CreateProduct", productName="odd")["productID"]
    try:
        call(sdk, "CreateProduct", productName="odd")
        raise AssertionError("a name was given twice")
    except Refused as error:
        check(error.answer == {"code": "5100", "message": "（1001）product name exists"}, error)
    check(call(sdk, "ListProducts", pageNum=1, pageSize=10)["products"][0]["productProperties"] == {}, "no properties")
    call(sdk, "DeleteProduct", productID=product)
    admin("PATCH", "settings", {"tencent_legacy": {"full_width_parentheses": False, "no_code_desc": False,
                                                   "text_code": False, "empty_properties": False}})


def faults(sdk):
    def with_fault(fault):
        admin("PUT", "faults", [{"action": "CreateProduct", "account": "legacy", "times": 1, "fault": fault}])

    def count():
        return call(sdk, "ListProducts", pageNum=1, pageSize=10)["totalCnt"]

    with_fault({"kind": "throttle"})
    refused(4400, "", sdk, "CreateProduct", productName="f")
    with_fault({"kind": "error", "code": "6200"})
    refused(6200, "", sdk, "CreateProduct", productName="f")
    with_fault({"kind": "error", "code": "1100"})
    refused(5100, "(1100)", sdk, "CreateProduct", productName="f")
    check(count() == 0, "no effect")
    with_fault({"kind": "status", "status": 502, "when": "before"})
    try:
        call(sdk, "CreateProduct", productName="f")
        raise AssertionError("a status of 502 was taken for an answer")
    except ApiServerNetworkException as error:
        check(error.status == 502, error)
    # The SDK sends a request whose connection is cut once more as it is, so the second one is a replay: "nonce
    # used before" does not mean that nothing happened.
    with_fault({"kind": "drop", "when": "after"})
    refused(4500, "", sdk, "CreateProduct", productName="f")
    admin("DELETE", "faults")
    check(count() == 1, "the cut create took effect")
    refused(5100, "(1001)", sdk, "CreateProduct", productName="f")
    admin("PATCH", "settings", {"quota": {"mode": "sliding", "per_second": 2}})
    for _ in range(1000):
        try:
            call(sdk, "ListProducts", pageNum=1, pageSize=10)
        except Refused as error:
            check(error.answer["code"] == 4400, error)
            return
    raise AssertionError("1000 calls passed a quota of 2 a second")


def main():
    admin("PATCH", "settings", {"quota": {"mode": "off"}})
    # Every method that is not HmacSHA256 means HmacSHA1, to the SDK as well.
    for number, sign in enumerate(("HmacSHA256", "HmacSHA1", "HmacMD5")):
        for method in ("POST", "GET"):
            whole_life(client(sign, method), "life-%d-%s" % (number, method))
    whole_life(client(region="ap-guangzhou"), "long-region")
    sdk = client()
    keys(sdk)
    values(sdk)
    pages(sdk)
    oddities(sdk)
    faults(sdk)
    print("%d checks passed" % checks)


main()
