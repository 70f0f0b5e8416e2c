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
    "K0102" "K0103" "K0104" "K0105" "K0106" "K0107" "K0108" "K0110" "K0111"
    "K0112" "K0113" "K0201" "K0202" "K0203" "K0204" "K0205" "K0206"
    "K0207" "K0208" "K0209" "K0210" "K0301" "K0302" "K0303" "K0304"
    "K0305" "K0306" "K0307" "K0401" "K0402" "K0403" "K0404" "K0405"
    "K0406" "K0407" "K0410" "K0411" "K0412" "K0413" "K0414" "K0501"
    "K0502" "K0503" "K0504" "K0510" "K0520" "K0521" "K0522" "K0523" "K0524" "K0901"
    "K0902" "K0903"
    "K0904" "K0905" "K0906" "K0907" "K0908" "K0909" "K0910" "K0911" "K1001"
    "K1002" "K1003" "K1010" "K1011" "K1012" "K1013"
    "K1014" "K1015" "K1016" "K1017" "K1101" "K1102" "K1103" "K1104" "K1105" "K1106" "K1107" "K1108"
    "K1110" "K2001" "K2002" "K2003" "K2004" "K2005" "K2006" "K2007"
    "K2008" "K2009" "K2010" "K2011" "K2050" "K2051" "K2052" "K2053" "K2054" "K2055" "K2056" "K2057" "K2058" "K2059" "K2090" "K2091" "K2092"
    "K2093" "K2094" "K2101" "K2102" "K2103" "K2104"
    "K2105" "K2106" "K2107"
    "K2108" "K2109" "K2201" "K2202" "K2203" "K2204" "K2205" "K2206" "K2207"
    "K2208" "K2209" "K2210" "K2211" "K2212" "K2213" "K2214" "K2215"
    "K2216" "K2217" "K2218" "K2219" "K2220" "K2221" "K2222" "K2223"
    "K2224" "K2225" "K2226" "K2227" "K2228" "K2231" "K2232" "K2233"
    "K2301" "K2302"
    "K2303" "K2304" "K2305" "K2306" "K2307" "K2308" "K2309" "K2311"
    "K2312" "K2313" "K2314" "K2315" "K2316" "K2317" "K2401" "K2402" "K2403" "K2404" "K2405"
    "K2406" "K2407" "K2408" "K2409" "K2410" "K2411" "K2412" "K2413" "K2414"
    "K2415" "K2416" "K2417" "K2418" "K2419"
    "K2501" "K2502" "K2503" "K2504" "K2505"
    "K2506" "K2507" "K2601" "K2602" "K2603" "K2604" "K2605" "K2606"
    "K2607" "K2608" "K2609" "K2610" "K2611" "K2612" "K2613" "K2614" "K2615" "K2616"
    "K2617" "K2618" "K2619" "K2620" "K2621" "K2622" "K2623" "K2624" "K2625" "K2626"
    "K2627" "K2628" "K2629" "K2630" "K2631" "K2801" "K2802" "K2803" "K2804" "K2805" "K2806"
    "K2807" "K2808" "K2809"
    "K2810" "K2811" "K2812" "K2813" "K2814" "K2815" "K2816" "K2817" "K2818" "K2819"
    "K3001" "K3002" "K3003" "K3004" "K3005" "K3010"
    "K3011" "K3012" "K3013" "K3014" "K3015" "K3016" "K3017" "K3020"
    "K3021" "K3022" "K3023" "K3024" "K3025" "K3026" "K3030" "K3031" "K3032" "K3033"
    "K3040" "K3041" "K3042" "K3043" "K3044" "K3045" "K3046"
    "K4001" "K4002" "K4003"
    "K4004" "K4005" "K4006" "K4007" "K4008" "K4009" "K4010" "K4011" "K4012" "K4013" "K4014"
    "K4103" "K4104" "K4105" "K4106" "K4107" "K4108" "K4109" "K4110" "K5001" "K5002" "K5003"
    "K5004" "K5005" "K5006" "K5010" "K5012" "K5013" "K5014" "K5015"
    "K5016" "K5017" "K5018" "K5020" "K5021" "K5022" "K5023" "K5024" "K5025" "K5030" "K5031"
    "K5032" "K5033" "K5034" "K5035" "K5101" "K5102" "K5103" "K5104" "K8001"
    "K8002" "K8003" "K8004" "K8005" "K8006" "K8007" "K8008" "K8009"
    "K8010" "K8011" "K8012" "K8013" "K8020" "K8030" "K8031" "K8032" "K8033" "K8034" "K8035" "K8036" "K8037" "K8038" "K8039" "K8040" "K8041" "K8042" "K8045" "K9001" "K9022" "K9023" "K9024"
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

/// Returns the pages that were likely meant by a code that has none, or by a word: at most five, as code and title.
pub fn near(written: &str) -> Vec<(&'static str, &'static str)> {
    let written = written.trim();
    let digits = written.strip_prefix(['K', 'k']).unwrap_or(written);
    let is_code = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let title = |page: &'static str| {
        let line = page.lines().next().unwrap_or_default();
        line.split_once(": ").map_or(line, |(_, title)| title)
    };
    let titles = PAGES.iter().map(|(code, page)| (*code, title(page)));
    if is_code {
        let code = format!("K{digits:0>4}");
        let codes = kiln_diag::nearest(&code, codes());
        return titles.filter(|(code, _)| codes.contains(code)).collect();
    }
    let word = written.to_lowercase();
    let is_long = word.chars().count() > 2;
    titles.filter(|(_, title)| is_long && title.to_lowercase().contains(&word)).take(5).collect()
}

/// Returns all codes that have a page, in order.
pub fn codes() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|(code, _)| *code)
}
