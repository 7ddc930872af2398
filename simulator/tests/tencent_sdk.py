"""Drives the simulator through the vendor's own SDK. Usage: tencent_sdk.py HOST:PORT"""

import json
import sys
import urllib.request

from tencentcloud.common import credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.iotcloud.v20210408 import iotcloud_client, models

ENDPOINT = sys.argv[1]
checks = 0


def client(sign="TC3-HMAC-SHA256", method="POST", secret_id="AKIDEXAMPLE", secret_key="SECRETKEYEXAMPLE",
           token=None, region="ap-guangzhou", unsigned=False):
    http = HttpProfile(protocol="http", endpoint=ENDPOINT, reqMethod=method, reqTimeout=20)
    profile = ClientProfile(signMethod=sign, httpProfile=http)
    profile.unsignedPayload = unsigned
    return iotcloud_client.IotcloudClient(credential.Credential(secret_id, secret_key, token), region, profile)


def call(on, action, **parameters):
    request = getattr(models, action + "Request")()
    request.from_json_string(json.dumps(parameters))
    return getattr(on, action)(request)


def check(condition, what):
    global checks
    checks += 1
    assert condition, what


def refused(code, on, action, **parameters):
    try:
        answer = call(on, action, **parameters)
    except TencentCloudSDKException as error:
        check(error.get_code() == code, "%s: wanted %s, got %s" % (action, code, error))
        check(error.get_request_id(), "%s: no request id" % action)
        return
    raise AssertionError("%s: wanted %s, got %s" % (action, code, answer.to_json_string()))


def admin(method, path, document=None):
    data = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request("http://%s/_admin/%s" % (ENDPOINT, path), data=data, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def whole_life(sdk, name, product_type=0):
    """Every product action once, and what it refuses."""
    properties = {"ProductDescription": "温度 +&= sensors", "EncryptionType": "2", "Region": "gz",
                  "ProductType": product_type, "Format": "json"}
    made = call(sdk, "CreateProduct", ProductName=name, ProductProperties=properties)
    product = made.ProductId
    check(made.ProductName == name and len(product) == 10, made.to_json_string())
    check(made.ProductProperties.RegisterLimit == 10000, "limit of a fresh product")

    seen = call(sdk, "DescribeProduct", ProductId=product)
    check(seen.ProductProperties.ProductDescription == "温度 +&= sensors", seen.to_json_string())
    check(seen.ProductProperties.EncryptionType == "2", "encryption type")
    check(seen.ProductProperties.ProductType == product_type, "product type")
    check(seen.ProductProperties.ProductSecret == "", "secret before registration")
    check(seen.ProductMetadata.CreationDate > 1700000000, "creation date")

    listed = call(sdk, "DescribeProducts", Offset=0, Limit=10)
    check(listed.Products[0].ProductId == product, "newest first")
    check(listed.TotalCount >= 1, "total")

    off = call(sdk, "UpdateProductDynamicRegister", ProductId=product, RegisterType=0, RegisterLimit=10)
    check(off.RegisterLimit == 10000 and off.ProductSecret == "", off.to_json_string())
    on = call(sdk, "UpdateProductDynamicRegister", ProductId=product, RegisterType=2, RegisterLimit=500)
    check(on.RegisterLimit == 500 and len(on.ProductSecret) == 24, on.to_json_string())
    off = call(sdk, "UpdateProductDynamicRegister", ProductId=product, RegisterType=0, RegisterLimit=1)
    check(off.ProductSecret == on.ProductSecret, "the secret is stable")
    again = call(sdk, "UpdateProductDynamicRegister", ProductId=product, RegisterType=1, RegisterLimit=1)
    check(again.ProductSecret == on.ProductSecret and again.RegisterLimit == 500, again.to_json_string())
    seen = call(sdk, "DescribeProduct", ProductId=product)
    check(seen.ProductProperties.ProductSecret == on.ProductSecret, "secret on reads")

    call(sdk, "SetProductsForbiddenStatus", ProductId=[product], Status=1)
    seen = call(sdk, "DescribeProduct", ProductId=product)
    check(seen.ProductProperties.ForbiddenStatus == 1, "disabled")
    refused("UnauthorizedOperation.ProductIsForbidden", sdk, "UpdateProductDynamicRegister",
            ProductId=product, RegisterType=1, RegisterLimit=1)
    call(sdk, "SetProductsForbiddenStatus", ProductId=[product], Status=0)

    refused("InvalidParameterValue.ProductAlreadyExist", sdk, "CreateProduct", ProductName=name)
    admin("PATCH", "tencent/accounts/default/products/" + product, {"DeviceCount": 12})
    devices = call(sdk, "DescribeDevices", ProductId=product, Offset=10, Limit=10)
    check(devices.TotalCount == 12 and len(devices.Devices) == 2, devices.to_json_string())
    refused("UnauthorizedOperation.DevicesExistUnderProduct", sdk, "DeleteProduct", ProductId=product)
    admin("PATCH", "tencent/accounts/default/products/" + product, {"DeviceCount": 0})
    call(sdk, "DeleteProduct", ProductId=product)
    refused("ResourceNotFound.ProductNotExist", sdk, "DeleteProduct", ProductId=product)
    refused("ResourceNotFound.ProductNotExist", sdk, "DescribeProduct", ProductId=product)


def private_ca(sdk):
    pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    refused("InvalidParameterValue.CACertInvalid", sdk, "CreatePrivateCA", CertName="ca", CertText="x",
            VerifyCertText="y")
    call(sdk, "CreatePrivateCA", CertName="ca", CertText=pem, VerifyCertText=pem)
    refused("LimitExceeded.CACertNameRepeat", sdk, "CreatePrivateCA", CertName="ca", CertText=pem,
            VerifyCertText=pem)
    check([ca.CertName for ca in call(sdk, "DescribePrivateCAs").CAs] == ["ca"], "list of CAs")
    product = call(sdk, "CreateProduct", ProductName="with-ca").ProductId
    refused("ResourceNotFound.CACertNotExist", sdk, "UpdateProductPrivateCA", ProductId=product, CertName="no")
    call(sdk, "UpdateProductPrivateCA", ProductId=product, CertName="ca")
    seen = call(sdk, "DescribeProduct", ProductId=product)
    check(seen.ProductProperties.PrivateCAName == "ca", seen.to_json_string())
    refused("LimitExceeded.CAAlreadyBindProduct", sdk, "DeletePrivateCA", CertName="ca")
    call(sdk, "DeleteProductPrivateCA", ProductId=product)
    refused("InvalidParameterValue.CACertInvalid", sdk, "DeleteProductPrivateCA", ProductId=product)
    call(sdk, "DeletePrivateCA", CertName="ca")
    symmetric = call(sdk, "CreateProduct", ProductName="psk", ProductProperties={"EncryptionType": "2"}).ProductId
    refused("LimitExceeded.CACertNotSupport", sdk, "UpdateProductPrivateCA", ProductId=symmetric, CertName="ca")
    for product_id in (product, symmetric):
        call(sdk, "DeleteProduct", ProductId=product_id)


def keys_and_values(sdk):
    probe = {"Offset": 0, "Limit": 10}
    refused("AuthFailure.SecretIdNotFound", client(secret_id="AKIDUNKNOWN"), "DescribeProducts", **probe)
    for sign in ("TC3-HMAC-SHA256", "HmacSHA256", "HmacSHA1"):
        refused("AuthFailure.SignatureFailure", client(sign=sign, secret_key="WRONG"), "DescribeProducts", **probe)
    refused("AuthFailure.TokenFailure", client(token="stray"), "DescribeProducts", **probe)
    refused("UnsupportedRegion", client(region="mars-north"), "DescribeProducts", **probe)
    refused("MissingParameter", client(region=""), "DescribeProducts", **probe)
    for limit in (9, 251):
        refused("InvalidParameterValue", sdk, "DescribeProducts", Offset=0, Limit=limit)
    refused("MissingParameter", sdk, "DescribeProducts", Offset=0)
    for name in ("", "a b", "x" * 33, "温度"):
        refused("InvalidParameterValue", sdk, "CreateProduct", ProductName=name)
    refused("InvalidParameterValue.ProductTypeNotSupport", sdk, "CreateProduct", ProductName="t1",
            ProductProperties={"ProductType": 1})
    for wrong in ({"EncryptionType": "3"}, {"Format": "xml"}, {"Region": "bj"}):
        refused("InvalidParameterValue", sdk, "CreateProduct", ProductName="t2", ProductProperties=wrong)
    refused("ResourceNotFound.ThingModelNotExist", sdk, "CreateProduct", ProductName="t3",
            ProductProperties={"ModelId": "nope"})
    refused("InvalidParameter", sdk, "CreateProduct", ProductName=5)
    refused("ResourceNotFound.ProductNotExist", sdk, "SetProductsForbiddenStatus", ProductId=["NONE"], Status=1)
    refused("InvalidAction", sdk, "DescribeFirmware", ProductID="A", FirmwareVersion="1")
    admin("PUT", "tencent/accounts/temporary", {
        "keys": [{"secret_id": "AKIDTEMP", "secret_key": "TEMPKEY", "token": "SESSION"}],
        "regions": ["ap-shanghai"]})
    temporary = {"secret_id": "AKIDTEMP", "secret_key": "TEMPKEY", "region": "ap-shanghai"}
    for sign in ("TC3-HMAC-SHA256", "HmacSHA256"):
        check(call(client(sign=sign, token="SESSION", **temporary), "DescribeProducts", **probe).TotalCount == 0,
              "another account is empty")
        refused("AuthFailure.TokenFailure", client(sign=sign, **temporary), "DescribeProducts", **probe)


def quota(sdk):
    admin("PATCH", "settings", {"quota": {"mode": "sliding", "per_second": 2}})
    for _ in range(1000):
        try:
            call(sdk, "DescribeProducts", Offset=0, Limit=10)
        except TencentCloudSDKException as error:
            check(error.get_code() == "RequestLimitExceeded", error)
            return
    raise AssertionError("1000 calls passed a quota of 2 a second")


def main():
    admin("PATCH", "settings", {"quota": {"mode": "off"}})
    tc3 = client()
    forms = [("TC3-HMAC-SHA256", "POST"), ("TC3-HMAC-SHA256", "GET"), ("HmacSHA256", "POST"), ("HmacSHA256", "GET"),
             ("HmacSHA1", "POST"), ("HmacSHA1", "GET")]
    for number, (sign, method) in enumerate(forms):
        whole_life(client(sign=sign, method=method), "life-%d" % number)
    whole_life(client(unsigned=True), "unsigned", product_type=5)
    private_ca(tc3)
    keys_and_values(tc3)
    quota(tc3)
    print("%d checks passed" % checks)


main()
