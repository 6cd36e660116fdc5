<#ftl output_format="plainText">
<#import "template.ftl" as layout>
<@layout.emailLayout>
${msg("executeActionsLead", realmName)}
<#list requiredActions![] as action>
- ${msg("requiredAction.${action}")}
</#list>

${msg("executeActionsButton")}:
${link}

${msg("mailLinkLife", linkExpirationFormatter(linkExpiration))}

${msg("executeActionsStranger")}
</@layout.emailLayout>
