//! What an owner asks the operator for: a namespace, or new keys for it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::admit::Admitted;
use super::change::Change;
use super::current::Current;
use super::{Operator, Refusal, RoleSigners};
use crate::error::Error;
use crate::tuf::document::{Delegation, Keys, RoleKeys, WholeSecond, sign_value};
use crate::tuf::key::{KeyId, PublicKey, Signature, Signer};
use crate::tuf::name::Namespace;
use crate::tuf::target::Versions;
use crate::tuf::{hex, strict};

/// How long a request may be carried about.
const LASTS: SignedDuration = SignedDuration::from_hours(24 * 30);

/// What an owner asks for, and signs: that these keys may publish in a namespace.
///
/// The new keys sign, so that nobody gives a namespace to a key that nobody has. If the namespace has keys already,
/// these sign too, and the request names them, so that it cannot be used a second time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnerRequest {
    #[serde(rename = "_type")]
    kind: String,
    /// Until when it may be used.
    pub expires: WholeSecond,
    /// The keys that are to own the namespace.
    pub keys: Keys,
    /// The namespace.
    pub namespace: Namespace,
    /// Who owns it now, if anybody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<RoleKeys>,
    /// How many of the new keys have to sign.
    pub threshold: u64,
}

const KIND: &str = "owner-request";

impl OwnerRequest {
    /// For these keys; `replaces` are those that own the namespace now.
    #[must_use]
    pub fn new(
        namespace: Namespace,
        owners: &RoleSigners,
        replaces: Option<RoleKeys>,
        now: Timestamp,
    ) -> Self {
        Self {
            kind: KIND.to_owned(),
            expires: WholeSecond::after(now, LASTS),
            keys: owners.keys.iter().copied().collect(),
            namespace,
            replaces,
            threshold: owners.threshold,
        }
    }

    /// The request as a file, signed. Others add their signatures by [`cosign`](crate::tuf::document::cosign).
    ///
    /// # Errors
    ///
    /// [`Error::Signer`].
    pub fn sign(&self, signers: &[&dyn Signer]) -> Result<Vec<u8>, Error> {
        let value = serde_json::to_value(self)
            .map_err(|error| Error::Encode { what: "the request", reason: error.to_string() })?;
        sign_value(&value, signers)
    }

    /// Reads a request without looking at its signatures: for showing it.
    ///
    /// # Errors
    ///
    /// [`Error::Metadata`].
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        Ok(SignedRequest::read(bytes)?.request)
    }
}

impl Operator {
    /// Does what an owner asks for. For new keys of a namespace in which something was published, `staged` is the
    /// publication with the namespace's role signed by the new keys.
    ///
    /// # Errors
    ///
    /// [`Error::NotAdmitted`] if the request is not signed by all who have to, has ended, or names other owners
    /// than there are; those of [`admit`](Self::admit) and of writing.
    pub fn accept(
        &self,
        request: &[u8],
        staged: Option<&std::path::Path>,
        signers: &[&dyn Signer],
        now: Timestamp,
    ) -> Result<Versions, Error> {
        let signed = SignedRequest::read(request)?;
        let namespace = &signed.request.namespace;
        let _held = self.hold()?;
        let current = Current::read(&self.folder)?;
        signed.check(&current, now)?;
        let role = namespace.owner_role();
        let mut change = Change::default();
        let mut targets = current.targets.clone();
        let keys: Vec<PublicKey> = signed.request.keys.0.values().copied().collect();
        targets.delegate(&role, &keys, signed.request.threshold, namespace.pattern());
        let mut meta = current.snapshot.meta.clone();
        let admitted = match staged {
            Some(staged) => Some(Admitted::new(self, &current, &targets, namespace, staged, now)?),
            None if meta.contains_key(&format!("{role}.json")) => {
                let reason = "something was published in the namespace, so its role signed by the new keys is needed too";
                return Err(Refusal::Layout(reason.to_owned()).into());
            }
            None => None,
        };
        if let Some(admitted) = &admitted {
            admitted.put(&mut change, &mut meta);
        }
        let entry = self.put_targets(&mut change, &current.root, targets, signers, now)?;
        meta.insert("targets.json".to_owned(), entry);
        self.seal(&mut change, &current.root, current.versions(), meta, signers, now)?;
        if let Some(admitted) = &admitted {
            admitted.check_as_client(self, &change, now)?;
        }
        self.finish(&change, now)
    }
}

/// A request with its signatures, unchecked.
struct SignedRequest {
    request: OwnerRequest,
    canonical: Vec<u8>,
    signatures: Vec<(KeyId, Signature)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    signatures: Vec<FileSignature>,
    signed: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSignature {
    keyid: KeyId,
    sig: String,
}

impl SignedRequest {
    fn read(bytes: &[u8]) -> Result<Self, Error> {
        let fail = |reason: String| Error::Metadata { what: "the request".to_owned(), reason };
        let file = File::deserialize(&strict::parse(bytes).map_err(fail)?);
        let file = file.map_err(|error| fail(error.to_string()))?;
        let request = OwnerRequest::deserialize(&file.signed).map_err(|error| fail(error.to_string()))?;
        if request.kind != KIND {
            return Err(fail("it is something else".to_owned()));
        }
        let canonical = sigstore_tuf::canonical_json::to_canonical_bytes(&file.signed)
            .map_err(|error| fail(error.to_string()))?;
        let signature = |it: &FileSignature| Some((it.keyid, Signature::new(hex::decode(&it.sig)?)));
        let signatures: Option<Vec<_>> = file.signatures.iter().map(signature).collect();
        let signatures = signatures.ok_or_else(|| fail("a signature is none".to_owned()))?;
        Ok(Self { request, canonical, signatures })
    }

    fn check(&self, current: &Current, now: Timestamp) -> Result<(), Refusal> {
        let role = self.request.namespace.owner_role();
        if self.request.expires.time() < now {
            let reason = format!("it ended at {}", self.request.expires.time());
            return Err(Refusal::Role { role, reason });
        }
        let owners = current.delegation(&role).map(role_keys);
        if owners != self.request.replaces {
            let reason = "the namespace has other owners than the request says".to_owned();
            return Err(Refusal::Role { role, reason });
        }
        let new: BTreeSet<KeyId> = self.request.keys.0.keys().copied().collect();
        self.require(&role, &new, self.request.threshold, &self.request.keys)?;
        let known = current.targets.delegations.as_ref().map(|delegations| &delegations.keys);
        match owners.zip(known) {
            Some((owners, known)) => self.require(&role, &owners.keyids, owners.threshold, known),
            None => Ok(()),
        }
    }

    fn require(&self, role: &str, ids: &BTreeSet<KeyId>, threshold: u64, keys: &Keys) -> Result<(), Refusal> {
        let signed: BTreeSet<KeyId> = self
            .signatures
            .iter()
            .filter(|(id, signature)| {
                ids.contains(id) && keys.0.get(id).is_some_and(|key| key.verify(&self.canonical, signature))
            })
            .map(|(id, _)| *id)
            .collect();
        let signed = signed.len() as u64;
        if threshold == 0 || signed < threshold {
            return Err(Refusal::Threshold { role: role.to_owned(), signed, threshold });
        }
        Ok(())
    }
}

fn role_keys(delegation: &Delegation) -> RoleKeys {
    RoleKeys { keyids: delegation.keyids.clone(), threshold: delegation.threshold }
}
