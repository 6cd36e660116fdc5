<#ftl output_format="plainText">
<#import "template.ftl" as layout>
<@layout.emailLayout>
${msg("eventUpdateTotpLead", realmName)}

${msg("mailNotYou")}
</@layout.emailLayout>
