<#ftl output_format="plainText">
<#import "template.ftl" as layout>
<@layout.emailLayout>
${msg("emailUpdateConfirmationLead", realmName)}

${msg("emailUpdateConfirmationButton")}:
${link}

${msg("mailLinkLife", linkExpirationFormatter(linkExpiration))}

${msg("emailUpdateConfirmationStranger")}
</@layout.emailLayout>
