<#ftl output_format="plainText">
<#import "template.ftl" as layout>
<@layout.emailLayout>
${msg("eventUpdateCredentialLead", realmName)}

${msg("mailNotYou")}
</@layout.emailLayout>
