<#ftl output_format="plainText">
<#import "template.ftl" as layout>
<@layout.emailLayout>
${msg("eventLoginErrorLead", realmName)}

${msg("mailNotYou")}
</@layout.emailLayout>
