<#ftl output_format="plainText">
<#import "template.ftl" as layout>
<@layout.emailLayout>
${msg("emailTestLead", realmName)}
</@layout.emailLayout>
