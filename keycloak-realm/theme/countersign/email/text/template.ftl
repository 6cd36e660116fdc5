<#ftl output_format="plainText">
<#-- The same shape as broker/mail/layout.txt. -->
<#macro emailLayout>
<#if (user.firstName)?has_content>${msg("mailHello", (user.firstName + " " + (user.lastName)!"")?trim)}<#else>${msg("mailHelloYou")}</#if>

<#nested>

-- 
${msg("mailNoAnswer")}
</#macro>
