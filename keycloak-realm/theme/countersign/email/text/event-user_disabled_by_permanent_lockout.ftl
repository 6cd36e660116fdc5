<#ftl output_format="plainText">
<#import "template.ftl" as layout>
<@layout.emailLayout>
${msg("eventUserDisabledByPermanentLockoutLead", realmName)}

${msg("mailNotYou")}
</@layout.emailLayout>
