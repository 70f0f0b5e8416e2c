//! The pages of the codes, as `kiln explain CODE` prints them.

/// Lists the pages of `docs/errors`; a test holds the list complete.
macro_rules! pages {
    ($($code:literal)*) => {
        &[$(($code, include_str!(concat!("../../../docs/errors/", $code, ".md"))),)*]
    };
}

const PAGES: &[(&str, &str)] = pages! {
    "K0001" "K0002" "K0003" "K0004" "K0005" "K0006" "K0007" "K0008"
    "K0009" "K0010" "K0011" "K0012" "K0013" "K0014" "K0015" "K0016"
    "K0017" "K0018" "K0019" "K0020" "K0021" "K0022" "K0023" "K0101"
    "K0102" "K0103" "K0104" "K0105" "K0107" "K0108" "K0110" "K0111"
    "K0112" "K0113" "K0201" "K0202" "K0203" "K0204" "K0205" "K0206"
    "K0207" "K0208" "K0209" "K0210" "K0301" "K0302" "K0303" "K0304"
    "K0305" "K0306" "K0307" "K0401" "K0402" "K0403" "K0404" "K0405"
    "K0406" "K0407" "K0410" "K0411" "K0412" "K0413" "K0501" "K0510"
    "K0906" "K1001" "K1002" "K1003" "K1010" "K1011" "K1012" "K1013"
    "K1014" "K1101" "K1102" "K1103" "K1104" "K1105" "K1106" "K1107" "K1108"
    "K1110" "K2001" "K2002" "K2003" "K2004" "K2005" "K2006" "K2007"
    "K2008" "K2090" "K2091" "K2092" "K2093" "K2094" "K2101" "K2102" "K2103" "K2104" "K2105" "K2106" "K2107"
    "K2108" "K2201" "K2202" "K2203" "K2204" "K2205" "K2206" "K2207"
    "K2208" "K2209" "K2210" "K2211" "K2212" "K2213" "K2214" "K2215"
    "K2216" "K2217" "K2218" "K2219" "K2220" "K2221" "K2222" "K2223"
    "K2224" "K2225" "K2226" "K2227" "K2228" "K2231" "K2232" "K2233"
    "K2301" "K2302"
    "K2303" "K2304" "K2305" "K2306" "K2307" "K2308" "K2309" "K2311"
    "K2312" "K2313" "K2314" "K2401" "K2402" "K2403" "K2404" "K2405"
    "K2406" "K2407" "K2408" "K2410" "K2411" "K2412" "K2413" "K2414"
    "K2415" "K2416" "K2417" "K2418" "K2419"
    "K2501" "K2502" "K2503" "K2504" "K2505"
    "K2506" "K2507" "K3001" "K3002" "K3003" "K3004" "K3010"
    "K3011" "K3012" "K3013" "K3014" "K3015" "K3016" "K3017" "K3020"
    "K3021" "K3022" "K3023" "K3024" "K3025" "K3026" "K4001" "K4002" "K4003"
    "K4004" "K4005" "K4006" "K4010" "K4011" "K4012" "K4013" "K4014"
    "K4103" "K4104" "K4105" "K4106" "K4107" "K5001" "K5002" "K5003"
    "K5004" "K5005" "K5006" "K5010" "K5012" "K5013" "K5014" "K5015"
    "K5016" "K5017" "K5018" "K5020" "K5021" "K5022" "K5023" "K5030" "K5031"
    "K5032" "K5033" "K5034" "K5101" "K5102" "K5103" "K5104" "K8001"
    "K8002" "K8003" "K8004" "K8005" "K8006" "K8007" "K8008" "K8009"
    "K8010" "K8011" "K8012" "K8020" "K9001" "K9022" "K9023"
};

/// Returns the page of a code: `K0101`, `k0101`, `K101` or `101`.
pub fn explain(code: &str) -> Option<&'static str> {
    let code = code.trim();
    let digits = code.strip_prefix(['K', 'k']).unwrap_or(code);
    let plain = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !plain {
        return None;
    }
    let code = format!("K{digits:0>4}");
    PAGES.iter().find(|(known, _)| *known == code).map(|(_, page)| *page)
}

/// Returns all codes that have a page, in order.
pub fn codes() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|(code, _)| *code)
}
