<#ftl output_format="plainText">
<#import "template.ftl" as layout>
<@layout.emailLayout>
${msg("emailVerificationLead", realmName)}

${msg("emailVerificationButton")}:
${link}

${msg("mailLinkLife", linkExpirationFormatter(linkExpiration))}

${msg("emailVerificationStranger")}
</@layout.emailLayout>
