"""Drives the simulator through the vendor's own SDKs. Usage: alibaba_sdk.py HOST:PORT

Three ways: the current SDK with ACS3-HMAC-SHA256, the same with the RPC signature, and the core SDK (RPC).
"""

import importlib
import json
import sys
import urllib.request

from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.auth.credentials import AccessKeyCredential, StsTokenCredential
from aliyunsdkcore.client import AcsClient
from alibabacloud_iot20180120 import models
from alibabacloud_iot20180120.client import Client
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_openapi.models import Config

ENDPOINT = sys.argv[1]
INSTANCE = "iot-060a0xyz"
checks = 0


class Refused(Exception):
    def __init__(self, code, message, status):
        super().__init__("%s: %s" % (code, message))
        self.code, self.status = code, status


class Current:
    """alibabacloud_iot20180120: snake_case models, ACS3 unless told otherwise."""

    def __init__(self, key="testid", secret="testsecret", token=None, algorithm=None):
        self.client = Client(Config(access_key_id=key, access_key_secret=secret, security_token=token,
                                    endpoint=ENDPOINT, protocol="http", signature_algorithm=algorithm))

    def send(self, action, parameters):
        request = getattr(models, action + "Request")().from_map(parameters)
        method = "".join("_" + c.lower() if c.isupper() else c for c in action).lstrip("_")
        try:
            return getattr(self.client, method)(request).body.to_map()
        except AlibabaCloudException as error:
            raise Refused(error.code, error.message, error.status_code) from error


class Rpc(Current):
    def __init__(self, **options):
        super().__init__(algorithm="v2", **options)


class Core:
    """aliyun-python-sdk-iot on aliyun-python-sdk-core: setters, RPC."""

    def __init__(self, key="testid", secret="testsecret", token=None, method="POST"):
        credential = StsTokenCredential(key, secret, token) if token else AccessKeyCredential(key, secret)
        self.client, self.method = AcsClient(region_id="cn-shanghai", credential=credential), method

    def send(self, action, parameters):
        module = importlib.import_module("aliyunsdkiot.request.v20180120.%sRequest" % action)
        request = getattr(module, action + "Request")()
        request.set_endpoint(ENDPOINT)
        request.set_protocol_type("http")
        request.set_method(self.method)
        request.set_accept_format("JSON")
        for name, value in parameters.items():
            plural = name + "s" if isinstance(value, list) else name
            getattr(request, "set_" + plural)(value)
        try:
            return json.loads(self.client.do_action_with_exception(request))
        except ServerException as error:
            raise Refused(error.error_code, error.message, error.http_status) from error


class CoreGet(Core):
    def __init__(self, **options):
        super().__init__(method="GET", **options)


def check(condition, what):
    global checks
    checks += 1
    assert condition, what


def call(sdk, action, **parameters):
    answer = sdk.send(action, {"IotInstanceId": INSTANCE, **parameters})
    check(answer.get("RequestId"), answer)
    if not answer["Success"]:
        raise Refused(answer["Code"], answer["ErrorMessage"], 200)
    return answer


def refused(code, sdk, action, status=200, **parameters):
    try:
        answer = call(sdk, action, **parameters)
    except Refused as error:
        check(error.code == code, "%s: wanted %s, got %s" % (action, code, error))
        check(error.status == status, "%s: wanted HTTP %s, got %s" % (code, status, error.status))
        return
    raise AssertionError("%s: wanted %s, got %s" % (action, code, answer))


def admin(method, path, document=None):
    data = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request("http://%s/_admin/%s" % (ENDPOINT, path), data=data, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def edit(product, **members):
    admin("PATCH", "alibaba/accounts/default/products/" + product, members)


def tag_map(sdk, product):
    data = call(sdk, "ListProductTags", ProductKey=product)["Data"]
    return {tag["TagKey"]: tag["TagValue"] for tag in data.get("ProductTag", [])}


def whole_life(sdk, name):
    """Every product action once, and what it refuses."""
    made = call(sdk, "CreateProduct", ProductName=name, NodeType=0, AliyunCommodityCode="iothub_senior",
                DataFormat=1, Description="Street lamp *v1* ~ 50% + 路灯", NetType="ETHERNET", AuthType="secret",
                Id2=False, CategoryKey="Lighting", PublishAuto=False, ValidateType=2, ResourceGroupId="rg-1",
                ProtocolType="modbus")
    product = made["ProductKey"]
    check(len(product) == 11 and made["Data"]["ProductKey"] == product, made)
    check(made["Data"]["ProductSecret"] and "NetType" not in made["Data"], made)

    seen = call(sdk, "QueryProduct", ProductKey=product)["Data"]
    check(seen["Description"] == "Street lamp *v1* ~ 50% + 路灯", seen)
    check(seen["NetType"] == 7 and seen["ValidateType"] == 2 and seen["CategoryKey"] == "Lighting", seen)
    check(seen["ProductSecret"] == made["Data"]["ProductSecret"], "the secret is shown at any time")
    check(seen["ProductStatus"] == "DEVELOPMENT_STATUS" and seen["DeviceCount"] == 0 and seen["Owner"], seen)

    page = call(sdk, "QueryProductList", CurrentPage=1, PageSize=200)["Data"]
    check(page["List"]["ProductInfo"][0]["ProductKey"] == product and page["Total"] >= 1, "newest first")
    check("ProductSecret" not in page["List"]["ProductInfo"][0], "no secret in a list")
    refused("iot.common.InvalidPageParams", sdk, "QueryProductList", CurrentPage=1, PageSize=201)

    refused("iot.prod.AlreadyExistedProductName", sdk, "CreateProduct", ProductName=name, NodeType=0)
    call(sdk, "UpdateProduct", ProductKey=product, ProductName=name + "_b", Description="new")
    seen = call(sdk, "QueryProduct", ProductKey=product)["Data"]
    check((seen["ProductName"], seen["Description"]) == (name + "_b", "new"), seen)
    other = call(sdk, "CreateProduct", ProductName=name, NodeType=1)["ProductKey"]
    check(call(sdk, "QueryProduct", ProductKey=other)["Data"]["AliyunCommodityCode"] == "iothub", "Basic")
    refused("iot.prod.AlreadyExistedProductName", sdk, "UpdateProduct", ProductKey=product, ProductName=name)

    tags = [{"TagKey": "env", "TagValue": "prod"}, {"TagKey": "k8s.uid", "TagValue": "0a1b2c3d-0000-4000"}]
    call(sdk, "CreateProductTags", ProductKey=product, ProductTag=tags)
    refused("iot.common.InvalidFormattedParameter", sdk, "CreateProductTags", ProductKey=product, ProductTag=tags[:1])
    call(sdk, "UpdateProductTags", ProductKey=product, ProductTag=[{"TagKey": "env", "TagValue": "路灯-1"}])
    refused("iot.common.InvalidFormattedParameter", sdk, "UpdateProductTags", ProductKey=product,
            ProductTag=[{"TagKey": "none", "TagValue": "x"}])
    check(tag_map(sdk, product) == {"env": "路灯-1", "k8s.uid": "0a1b2c3d-0000-4000"}, "tags")
    found = call(sdk, "ListProductByTags", ProductTag=[{"TagKey": "env", "TagValue": "路灯-1"}])
    check(found["ProductInfos"]["ProductInfo"][0]["ProductKey"] == product, found)
    call(sdk, "DeleteProductTags", ProductKey=product, ProductTagKey=["env"])
    check(tag_map(sdk, product) == {"k8s.uid": "0a1b2c3d-0000-4000"}, "one tag is left")

    call(sdk, "ReleaseProduct", ProductKey=product)
    check(call(sdk, "QueryProduct", ProductKey=product)["Data"]["ProductStatus"] == "RELEASE_STATUS", "released")
    admin("PATCH", "settings", {"alibaba": {"delete_refusal": "iot.prod.DeleteProductFailed"}})
    refused("iot.prod.DeleteProductFailed", sdk, "DeleteProduct", ProductKey=product)
    call(sdk, "CancelReleaseProduct", ProductKey=product)
    edit(product, DeviceCount=3)
    check(call(sdk, "QueryProduct", ProductKey=product)["Data"]["DeviceCount"] == 3, "devices")
    refused("iot.prod.DeleteProductFailed", sdk, "DeleteProduct", ProductKey=product)
    edit(product, DeviceCount=0)
    for key in (product, other):
        call(sdk, "DeleteProduct", ProductKey=key)
        refused("iot.prod.NotExistedProduct", sdk, "DeleteProduct", ProductKey=key)
        refused("iot.prod.NotExistedProduct", sdk, "QueryProduct", ProductKey=key)
    admin("PATCH", "settings", {"alibaba": {"delete_refusal": None}})


def keys(driver):
    page = {"CurrentPage": 1, "PageSize": 1}
    wrong = "InvalidAccessKeySecret" if issubclass(driver, Core) else "SignatureDoesNotMatch"
    refused("InvalidAccessKeyId.NotFound", driver(key="unknown"), "QueryProductList", status=404, **page)
    # The core SDK compares the vendor's string to sign with its own and gives the code another name.
    refused(wrong, driver(secret="wrong"), "QueryProductList", status=400, **page)
    refused("InvalidSecurityToken.MismatchWithAccessKey", driver(token="stray"), "QueryProductList", status=400, **page)
    temporary = {"key": "STS.temp", "secret": "tempsecret"}
    check(call(driver(token="sts/token+value==", **temporary), "QueryProductList", **page)["Data"]["Total"] == 0,
          "another account is empty")
    refused("InvalidSecurityToken.Expired", driver(token="old", **temporary), "QueryProductList", status=400, **page)


def values(sdk):
    refused("iot.system.InstanceNotFound", sdk, "QueryProduct", ProductKey="a1", IotInstanceId="iot-elsewhere")
    refused("iot.prod.NotExistedProduct", sdk, "QueryProduct", ProductKey="a1Sim000001")
    for name in ("abc", "a-b-c", "灯", "x" * 31):
        refused("iot.prod.InvalidFormattedProductName", sdk, "CreateProduct", ProductName=name, NodeType=0)
    product = {"ProductName": "values", "NodeType": 0}
    for code, wrong in (
        ("iot.prod.InvalidNodeType", {"NodeType": 7}),
        ("iot.prod.InvalidAliyunCommodityCode", {"AliyunCommodityCode": "iothub"}),
        ("iot.common.NullParameter", {"AliyunCommodityCode": "iothub_senior"}),
        ("iot.prod.LongProductDesc", {"Description": "x" * 101}),
        ("iot.prod.InvalidProductAuthType", {"AuthType": "one-party"}),
        ("iot.common.InvalidFormattedParameter", {"NetType": "LORA"}),
        ("iot.common.InvalidFormattedParameter", {"ValidateType": 0}),
    ):
        refused(code, sdk, "CreateProduct", **{**product, **wrong})
    refused("MissingNodeType", sdk, "CreateProduct", status=400, ProductName="values")
    refused("MissingProductKey", sdk, "DeleteProduct", status=400)
    refused("InvalidAction.NotFound", sdk, "GetThingModelTsl", status=404, ProductKey="a1")
    admin("PATCH", "alibaba/accounts/default", {"denied": ["CreateProduct"]})
    refused("Forbidden.RAM", sdk, "CreateProduct", status=403, **product)
    admin("PATCH", "alibaba/accounts/default", {"denied": [], "overdue": True})
    refused("Iot.system.BillIsOverDue", sdk, "CreateProduct", **product)
    admin("PATCH", "alibaba/accounts/default", {"overdue": False, "product_limit": 0})
    refused("iot.prod.ProductCountExceedMax", sdk, "CreateProduct", **product)
    admin("PATCH", "alibaba/accounts/default", {"product_limit": 1000})


def gateway_shape(sdk):
    admin("PATCH", "settings", {"alibaba": {"business_as_gateway": True}})
    refused("iot.prod.NotExistedProduct", sdk, "QueryProduct", status=400, ProductKey="a1Sim000001")
    admin("PATCH", "settings", {"alibaba": {"business_as_gateway": False}})


def mqtt_instance(sdk):
    product = {"ProductName": "mqtt", "NodeType": 0, "IotInstanceId": "iot-mqtt"}
    refused("iot.prod.InvalidProductAuthType", sdk, "CreateProduct", DataFormat=0, **product)
    key = call(sdk, "CreateProduct", AuthType="one-party", DataFormat=0, **product)["ProductKey"]
    refused("iot.prod.ProductCountExceedMax", sdk, "CreateProduct", AuthType="one-party", DataFormat=0,
            **{**product, "ProductName": "mqtt_2"})
    refused("iot.prod.NotExistedProduct", sdk, "QueryProduct", ProductKey=key)
    call(sdk, "DeleteProduct", ProductKey=key, IotInstanceId="iot-mqtt")


def quota(sdk):
    admin("PATCH", "settings", {"quota": {"mode": "sliding", "actions": {"ListProductTags": 2}}})
    for throttling, code, status in (("gateway", "Throttling.User", 400), ("service", "iot.common.TooManyRequest", 200)):
        admin("PATCH", "settings", {"alibaba": {"throttling": throttling}})
        for _ in range(1000):
            try:
                call(sdk, "ListProductTags", ProductKey="a1Sim000001")
            except Refused as error:
                if error.code == "iot.prod.NotExistedProduct":
                    continue
                check((error.code, error.status) == (code, status), error)
                break
        else:
            raise AssertionError("1000 calls passed a quota of 2 a second")


def main():
    admin("PATCH", "settings", {"quota": {"mode": "off"}})
    admin("PUT", "alibaba/accounts/temporary", {"keys": [
        {"access_key_id": "STS.temp", "access_key_secret": "tempsecret", "security_token": "sts/token+value=="}]})
    admin("PATCH", "alibaba/accounts/default", {"instances": [{"id": INSTANCE}, {"id": "iot-mqtt", "mqtt": True}]})
    for number, driver in enumerate((Current, Rpc, Core, CoreGet)):
        sdk = driver()
        whole_life(sdk, "路灯_%d" % number)
        keys(driver)
        values(sdk)
        gateway_shape(sdk)
        mqtt_instance(sdk)
    quota(Current())
    print("%d checks passed" % checks)


main()
