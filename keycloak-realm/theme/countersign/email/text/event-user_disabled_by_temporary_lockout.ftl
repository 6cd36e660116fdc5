<#ftl output_format="plainText">
<#import "template.ftl" as layout>
<@layout.emailLayout>
${msg("eventUserDisabledByTemporaryLockoutLead", realmName)}

${msg("mailNotYou")}
</@layout.emailLayout>
