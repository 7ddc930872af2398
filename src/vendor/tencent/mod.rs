//! Tencent Cloud IoT Hub, API 3.0.
