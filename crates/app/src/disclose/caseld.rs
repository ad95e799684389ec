//! `comity/case.jsonld`: provenance as CASE/UCO 1.4 JSON-LD, for other programs. For convenience: the opened
//! fields count, not this.
//!
//! Written as a stream, a few nodes an exhibit, so that its size is not bounded by memory.

use comity_core::digest::Digest;
use comity_core::package::ItemLine;
use serde_json::{Value, json};

use crate::error::Result;
use crate::handover::{Growing, Written};
use crate::read::OpenedEvent;
use crate::receipt::PROGRAM;

/// The file in the making.
pub struct CaseLd {
    out: Growing,
    members: std::collections::BTreeSet<String>,
    origin: String,
}

impl CaseLd {
    /// Begins the file: context, and the program as a tool.
    pub fn begin(mut out: Growing, origin: &str) -> Result<CaseLd> {
        let context = json!({
            "kb": format!("http://example.org/{origin}/"),
            "case-investigation": "https://ontology.caseontology.org/case/investigation/",
            "uco-action": "https://ontology.unifiedcyberontology.org/uco/action/",
            "uco-core": "https://ontology.unifiedcyberontology.org/uco/core/",
            "uco-identity": "https://ontology.unifiedcyberontology.org/uco/identity/",
            "uco-observable": "https://ontology.unifiedcyberontology.org/uco/observable/",
            "uco-tool": "https://ontology.unifiedcyberontology.org/uco/tool/",
            "uco-types": "https://ontology.unifiedcyberontology.org/uco/types/",
            "xsd": "http://www.w3.org/2001/XMLSchema#"
        });
        out.write(format!("{{\"@context\":{context},\n\"@graph\":[\n").as_bytes())?;
        let (name, version) = PROGRAM.split_once(' ').unwrap_or((PROGRAM, ""));
        let tool = json!({ "@id": iri("tool", origin), "@type": "uco-tool:Tool", "uco-core:name": name, "uco-tool:version": version });
        out.write(tool.to_string().as_bytes())?;
        Ok(CaseLd {
            out,
            members: Default::default(),
            origin: origin.to_owned(),
        })
    }

    /// Adds the nodes of one exhibit; before the first of a member, the member.
    pub fn item(&mut self, nodes: &Nodes) -> Result<()> {
        if self.members.insert(nodes.member.clone()) {
            let organization = organization(&self.origin, &nodes.member);
            let mut text = String::new();
            node(
                &mut text,
                &json!({ "@id": organization, "@type": "uco-identity:Organization", "uco-core:name": nodes.member }),
            );
            self.out.write(text.as_bytes())?;
        }
        self.out.write(nodes.text.as_bytes())
    }

    /// Ends the file.
    pub fn end(mut self) -> Result<Written> {
        self.out.write(b"\n]}\n")?;
        self.out.end()
    }
}

/// The nodes of one exhibit.
pub struct Nodes {
    member: String,
    text: String,
}

impl Nodes {
    /// Its file, its record, how it was received.
    pub fn of(origin: &str, received: &OpenedEvent, line: &ItemLine) -> Nodes {
        let member = received.text("member").unwrap_or("unknown").to_owned();
        let organization = organization(origin, &member);
        let chain = line.chain.to_string();
        let id = |kind: &str| iri(kind, &format!("{origin}/{chain}"));
        let mut facets = Vec::new();
        let mut file_facet =
            json!({ "@id": id("file-facet"), "@type": "uco-observable:FileFacet" });
        if let Some(path) = &line.path {
            file_facet["uco-observable:fileName"] = path.rsplit('/').next().unwrap_or(path).into();
            file_facet["uco-observable:filePath"] = path.as_str().into();
        }
        if let Some(size) = line.size_bytes {
            file_facet["uco-observable:sizeInBytes"] =
                json!({ "@type": "xsd:integer", "@value": size.to_string() });
        }
        facets.push(file_facet);
        if let Some(sha256) = &line.sha256 {
            facets.push(json!({
                "@id": id("content-data-facet"), "@type": "uco-observable:ContentDataFacet",
                "uco-observable:hash": [{
                    "@id": id("hash"), "@type": "uco-types:Hash", "uco-types:hashMethod": "SHA256",
                    "uco-types:hashValue": { "@type": "xsd:hexBinary", "@value": sha256.to_string() }
                }]
            }));
        }
        let (file, record) = (id("file"), id("provenance-record"));
        let nodes = [
            json!({ "@id": file, "@type": "uco-observable:File", "uco-core:hasFacet": facets }),
            json!({
                "@id": record, "@type": "case-investigation:ProvenanceRecord", "uco-core:description": "Received into custody",
                "case-investigation:exhibitNumber": line.ern.to_string(), "uco-core:object": [{ "@id": file }]
            }),
        ];
        let action = received.text("time").map(|time| {
            let time = json!({ "@type": "xsd:dateTime", "@value": time });
            json!({
                "@id": id("investigative-action"), "@type": "case-investigation:InvestigativeAction", "uco-core:name": "received",
                "uco-action:startTime": time, "uco-action:endTime": time,
                "uco-action:performer": { "@id": organization }, "uco-action:instrument": [{ "@id": iri("tool", origin) }],
                "uco-action:result": [{ "@id": record }, { "@id": file }]
            })
        });
        let mut text = String::with_capacity(2048);
        for one in nodes.iter().chain(&action) {
            node(&mut text, one);
        }
        Nodes { member, text }
    }
}

fn node(out: &mut String, node: &Value) {
    out.push_str(",\n");
    out.push_str(&node.to_string());
}

fn organization(origin: &str, member: &str) -> String {
    iri("organization", &format!("{origin}/{member}"))
}

/// An IRI that ends in a UUID, the same for the same thing. By RFC 9562 its version would be 8; the shapes of UCO know
/// none above 5, which is the one made from a digest.
fn iri(kind: &str, thing: &str) -> String {
    let digest = Digest::of(format!("comity/case/v1\n{kind}\n{thing}").as_bytes());
    let mut b = [0u8; 16];
    b.copy_from_slice(&digest.as_bytes()[..16]);
    b[6] = (b[6] & 0x0f) | 0x50;
    b[8] = (b[8] & 0x3f) | 0x80;
    let hex = comity_core::digest::hex(&b);
    format!(
        "kb:{kind}-{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}
