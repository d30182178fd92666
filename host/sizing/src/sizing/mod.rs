//! Sizing expressions.

mod bounds;
mod key;
mod parser;
mod syntax_error;
mod thousandths;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use self::bounds::Bounds;
pub use self::key::Key;
pub use self::syntax_error::{Problem, SyntaxError};
pub use self::thousandths::Thousandths;

/// What machine is asked for.
///
/// It is written as terms with commas between them, in any order, each key at most once. White space
/// may stand anywhere but inside a word or a number; the letters' case counts in a template's name alone.
/// The empty expression asks for nothing, so that the smallest template answers it.
///
/// ```text
/// sizing   = [ term *( "," term ) ]
/// term     = ( "cpu" / "ram" / "disk" / "gpu" / "cpufreq" ) bounds
///          / "count" "=" whole
///          / "template" "=" name
/// bounds   = "=" number                    ; exactly
///          / "=" "[" number "-" number "]" ; both ends belong to it
///          / "~" number                    ; from this to twice this
///          / ( "<" / "<=" / ">" / ">=" / "lt" / "le" / "gt" / "ge" ) number
/// number   = 1*DIGIT [ "." 1*3DIGIT ]      ; decimals for ram and cpufreq alone
/// name     = what is there up to the next comma, or any text in double quotes, where `\"` and `\\`
///            stand for `"` and `\`
/// ```
///
/// | key | of what | unit |
/// |---|---|---|
/// | `cpu` | virtual CPUs | 1, whole |
/// | `ram` | memory | GiB (1024 MiB), which is what clouds mean by GB of memory; at most three decimals |
/// | `disk` | the root disk | GiB, whole |
/// | `gpu` | GPUs | 1, whole |
/// | `cpufreq` | the processor's clock | GHz, at most three decimals |
/// | `count` | how many such machines | 1, whole |
/// | `template` | the template's name or id | |
///
/// `gpu=0` asks for a machine without a GPU. Without `gpu` nothing is asked, and machines with GPUs are
/// left out, since they cost more; `gpu>=0` takes either. `gpu=-1` is read and means the same as no `gpu`.
/// `<` and `>` are strict, for decimals as well.
///
/// `Display` gives an expression that is read as the same sizing, with the keys in the table's order. In
/// JSON a sizing is that text.
///
/// ```
/// use skywright_sizing::{Bounds, Sizing, Thousandths};
///
/// let sizing: Sizing = "ram = [7-16], CPU ~ 2, disk ge 50".parse()?;
/// assert_eq!(sizing.cpu, Bounds::Between { minimum: 2, maximum: 4 });
/// assert!(sizing.ram_gib.allows(Thousandths::from_whole(16)));
/// assert_eq!(sizing.to_string(), "cpu=[2-4],ram=[7-16],disk>=50");
///
/// let error = "cpu>=2,cpus<=4".parse::<Sizing>().unwrap_err();
/// assert_eq!(error.to_string(), "column 8: there is no key `cpus`");
/// assert_eq!(error.snippet(), "cpu>=2,cpus<=4\n       ^^^^");
/// # Ok::<(), skywright_sizing::SyntaxError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Sizing {
    /// Virtual CPUs.
    pub cpu: Bounds<u32>,
    /// Memory, in GiB.
    pub ram_gib: Bounds<Thousandths>,
    /// The root disk, in GiB.
    pub disk_gib: Bounds<u32>,
    /// GPUs. [`Bounds::Any`] is not asked for: machines with GPUs are left out.
    pub gpu: Bounds<u32>,
    /// The processor's clock, in GHz.
    pub cpu_ghz: Bounds<Thousandths>,
    /// How many machines. 0 is allowed: whether that makes sense is the caller's to say.
    pub count: Option<u32>,
    /// The template's name or id. It wins over all others.
    pub template: Option<String>,
}

impl Sizing {
    /// Whether nothing is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether anything but `count` and `template` is asked.
    #[must_use]
    pub fn has_bounds(&self) -> bool {
        !(self.cpu.is_any()
            && self.ram_gib.is_any()
            && self.disk_gib.is_any()
            && self.gpu.is_any()
            && self.cpu_ghz.is_any())
    }

    /// Whether a machine with a GPU is welcome: `gpu` is given and allows more than none.
    #[must_use]
    pub fn wants_gpu(&self) -> bool {
        match self.gpu {
            Bounds::Any | Bounds::AtMost(0) | Bounds::LessThan(0 | 1) => false,
            Bounds::Between { maximum, .. } => maximum > 0,
            Bounds::AtLeast(_) | Bounds::MoreThan(_) | Bounds::AtMost(_) | Bounds::LessThan(_) => true,
        }
    }

    /// This sizing, and for each key that it does not give, what `defaults` says of it.
    ///
    /// ```
    /// # use skywright_sizing::Sizing;
    /// let master: Sizing = "cpu=[4-8],ram=[15-32],disk>=80".parse()?;
    /// let given: Sizing = "cpu>=16,count=3".parse()?;
    /// assert_eq!(given.or(&master).to_string(), "cpu>=16,ram=[15-32],disk>=80,count=3");
    /// # Ok::<(), skywright_sizing::SyntaxError>(())
    /// ```
    #[must_use]
    pub fn or(self, defaults: &Self) -> Self {
        Self {
            cpu: self.cpu.or(defaults.cpu),
            ram_gib: self.ram_gib.or(defaults.ram_gib),
            disk_gib: self.disk_gib.or(defaults.disk_gib),
            gpu: self.gpu.or(defaults.gpu),
            cpu_ghz: self.cpu_ghz.or(defaults.cpu_ghz),
            count: self.count.or(defaults.count),
            template: self.template.or_else(|| defaults.template.clone()),
        }
    }
}

impl FromStr for Sizing {
    type Err = SyntaxError;

    fn from_str(expression: &str) -> Result<Self, SyntaxError> {
        parser::parse(expression)
    }
}

impl fmt::Display for Sizing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut terms = Vec::new();
        let mut bounds = |key: Key, bounds: String| {
            if !bounds.is_empty() {
                terms.push(format!("{key}{bounds}"));
            }
        };
        bounds(Key::Cpu, self.cpu.to_string());
        bounds(Key::Ram, self.ram_gib.to_string());
        bounds(Key::Disk, self.disk_gib.to_string());
        bounds(Key::Gpu, self.gpu.to_string());
        bounds(Key::CpuFreq, self.cpu_ghz.to_string());
        if let Some(count) = self.count {
            terms.push(format!("{}={count}", Key::Count));
        }
        if let Some(template) = &self.template {
            terms.push(format!("{}={}", Key::Template, quote(template)));
        }
        f.write_str(&terms.join(","))
    }
}

/// A template's name as an expression spells it: in quotes where it could not be read otherwise.
fn quote(name: &str) -> String {
    let bare = !name.is_empty()
        && !name.starts_with(parser::NO_NAME)
        && name.trim() == name
        && !name.contains(|c: char| matches!(c, ',' | '"') || c.is_control());
    if bare { name.to_owned() } else { format!("\"{}\"", name.replace('\\', r"\\").replace('"', "\\\"")) }
}

impl Serialize for Sizing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sizing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
