<#ftl output_format="plainText">
<#import "template.ftl" as layout>
<@layout.emailLayout>
${msg("eventUpdatePasswordLead", realmName)}

${msg("mailNotYou")}
</@layout.emailLayout>
