<#ftl output_format="plainText">
<#import "template.ftl" as layout>
<@layout.emailLayout>
${msg("eventRemoveCredentialLead", realmName)}

${msg("mailNotYou")}
</@layout.emailLayout>
