<#ftl output_format="plainText">
<#import "template.ftl" as layout>
<@layout.emailLayout>
${msg("passwordResetLead", realmName)}

${msg("passwordResetButton")}:
${link}

${msg("mailLinkLife", linkExpirationFormatter(linkExpiration))}

${msg("passwordResetStranger")}
</@layout.emailLayout>
