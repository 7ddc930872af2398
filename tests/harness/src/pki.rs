//! Keys and certificates of one control plane.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType,
};

use crate::Error;

const CA_NAME: &str = "iot-test-control-plane";
/// Name of the files of the serving certificate, and its subject.
pub(crate) const SERVING: &str = "kube-apiserver";
/// X.520 organizationName.
const ORGANIZATION: [u64; 4] = [2, 5, 4, 10];

/// The certificate authority that server and clients trust.
#[derive(Debug)]
pub(crate) struct Authority {
    directory: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

/// Files of one certificate with its key.
pub(crate) struct Identity {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    /// Makes the authority, the serving certificate and the service account key in `directory`.
    pub(crate) fn create(directory: &Path) -> Result<Self, Error> {
        fs::create_dir_all(directory).map_err(Error::file("create", directory))?;
        let key = new_key(CA_NAME)?;
        let certificate = ca_params().self_signed(&key).map_err(failed(CA_NAME))?;
        write(&directory.join("ca.crt"), &certificate.pem())?;
        write(&directory.join("ca.key"), &key.serialize_pem())?;
        let authority = Self { directory: directory.to_owned(), issuer: Issuer::new(ca_params(), key) };
        authority.issue(SERVING, &serving_params()?)?;
        let signing = new_key("service-account")?;
        write(&directory.join("service-account.key"), &signing.serialize_pem())?;
        write(&directory.join("service-account.pub"), &signing.public_key_pem())?;
        Ok(authority)
    }

    /// The authority that [`Authority::create`] made in `directory`.
    pub(crate) fn load(directory: &Path) -> Result<Self, Error> {
        let path = directory.join("ca.key");
        let pem = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        let key = KeyPair::from_pem(&pem).map_err(failed(CA_NAME))?;
        Ok(Self { directory: directory.to_owned(), issuer: Issuer::new(ca_params(), key) })
    }

    /// A client certificate: the common name is the user, the organizations are its groups.
    pub(crate) fn client(&self, file: &str, user: &str, groups: &[&str]) -> Result<Identity, Error> {
        // rcgen holds one value a type, so the second organization goes in by its identifier.
        let kinds = [DnType::OrganizationName, DnType::CustomDnType(ORGANIZATION.to_vec())];
        if groups.len() > kinds.len() {
            return Err(Error::TooManyGroups { user: user.to_owned(), most: kinds.len() });
        }
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, user);
        for (kind, group) in kinds.into_iter().zip(groups) {
            params.distinguished_name.push(kind, *group);
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(file, &params)
    }

    /// File with the certificate that both sides trust.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.directory.join("ca.crt")
    }

    fn issue(&self, file: &str, params: &CertificateParams) -> Result<Identity, Error> {
        let key = new_key(file)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed(file))?;
        let identity = Identity {
            certificate: self.directory.join(format!("{file}.crt")),
            key: self.directory.join(format!("{file}.key")),
        };
        write(&identity.certificate, &certificate.pem())?;
        write(&identity.key, &key.serialize_pem())?;
        Ok(identity)
    }
}

/// The same on every call, so that an issuer loaded from its key alone names itself as at creation.
fn ca_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, CA_NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn serving_params() -> Result<CertificateParams, Error> {
    let names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
    let mut params = CertificateParams::new(names.map(str::to_owned)).map_err(failed(SERVING))?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, SERVING);
    params.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn new_key(name: &str) -> Result<KeyPair, Error> {
    KeyPair::generate().map_err(failed(name))
}

fn failed(name: &str) -> impl FnOnce(rcgen::Error) -> Error {
    let name = name.to_owned();
    move |source| Error::Certificate { name, source }
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(Error::file("write", path))
}
