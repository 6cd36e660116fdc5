<#ftl output_format="plainText">
<#import "template.ftl" as layout>
<@layout.emailLayout>
${msg("eventRemoveTotpLead", realmName)}

${msg("mailNotYou")}
</@layout.emailLayout>
